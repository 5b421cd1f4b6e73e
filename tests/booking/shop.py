"""A small shop with one deal, two dealers, some people; SAMPLE data made for tests."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.booking.models import Booking, DealDealer, OnePriceDeal, QueuePlace
from app.booking.rules import KEEPS_UNIT, terms_of
from app.booking.services.place import Placed, Wish, place_booking
from app.catalog.models import Brand, Series, Trim
from app.core.db import db, transaction
from app.core.security import Actor
from app.dealers.models import Dealer
from app.members.models import Member, WeChatIdentity
from app.staff.models import StaffMember

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
APP_ID = "wxsandbox0000000001"
_keys = itertools.count(1)
_phones: dict[int | None, str] = {}  # a phone counts like a person, so everybody books with their own


@dataclass(frozen=True)
class Shop:
    deal: str
    deal_id: int
    west: int
    east: int
    closed: int
    terms: str


def build(units: int = 10, per_person: int = 1, kind: str = "订金", **deal: object) -> Shop:
    """One running deal: 88,800 yuan, earnest money 1,000, both dealers take part."""
    with transaction():
        brand = Brand(slug="b", name="样例")
        db.session.add(brand)
        db.session.flush()
        series = Series(
            slug="s5",
            brand_id=brand.id,
            name="岫 S5",
            body_class="中型SUV",
            energy="纯电",
            status="在售",
            updated_at=NOW,
        )
        db.session.add(series)
        db.session.flush()
        trim = Trim(
            slug="s5-a", series_id=series.id, model_year="2026款", name="长续航版", msrp_fen=10_580_000, status="在售"
        )
        west, east, closed = _dealer("west", "西湖店"), _dealer("east", "浦东店", "上海市"), _dealer("shut", "停业店")
        closed.status = "暂停"
        db.session.add_all([trim, west, east, closed])
        db.session.flush()
        values: dict[str, object] = {
            "slug": "d1", "trim_id": trim.id, "title": "岫 S5 一口价", "price_fen": 8_880_000, "earnest_kind": kind,
            "earnest_fen": 100_000, "units_total": units, "units_left": units, "per_person": per_person,
            "starts_at": NOW - timedelta(days=1), "ends_at": NOW + timedelta(days=5), "all_dealers": False, **deal,
        }  # fmt: skip
        row = OnePriceDeal(**values)
        db.session.add(row)
        db.session.flush()
        for dealer in (west, east, closed):
            db.session.add(DealDealer(deal_id=row.id, dealer_id=dealer.id))
        terms = terms_of(row)
        return Shop(row.slug, row.id, west.id, east.id, closed.id, terms.version)


def another(shop: Shop, units: int, **deal: object) -> Shop:
    """One more deal with the same stores, like the first but for what is said."""
    with transaction():
        first = db.session.get_one(OnePriceDeal, shop.deal_id)
        values = {column.name: getattr(first, column.name) for column in OnePriceDeal.__table__.columns}
        row = OnePriceDeal(**{**values, "id": None, "units_total": units, "units_left": units, "waiting": 0, **deal})
        db.session.add(row)
        db.session.flush()
        for dealer_id in (shop.west, shop.east, shop.closed):
            db.session.add(DealDealer(deal_id=row.id, dealer_id=dealer_id))
        return Shop(row.slug, row.id, shop.west, shop.east, shop.closed, terms_of(row).version)


def _dealer(slug: str, name: str, city: str = "杭州市") -> Dealer:
    return Dealer(
        slug=slug, name=name, province="浙江省", city=city, address="样例路 1 号", lat=30.2, lng=120.1,
        phone="057188880000", status="营业", updated_at=NOW,
    )  # fmt: skip


def member(phone: str = "13900002086", name: str = "周样例") -> Actor:
    """A shopper with a verified phone and a WeChat identity."""
    with transaction():
        row = Member(name=name, phone=phone, phone_verified_at=NOW, created_at=NOW, last_login_at=NOW, nickname="样例")
        db.session.add(row)
        db.session.flush()
        db.session.add(WeChatIdentity(member_id=row.id, app_id=APP_ID, openid=f"openid-{row.id}"))
        _phones[row.id] = phone
        return Actor("member", row.id)


def clerk(dealer_id: int, role: str = "clerk", name: str = "王样例") -> Actor:
    """Somebody who works for this dealer."""
    with transaction():
        person = Member(created_at=NOW, last_login_at=NOW)
        db.session.add(person)
        db.session.flush()
        row = StaffMember(dealer_id=dealer_id, member_id=person.id, name=name, role=role, joined_at=NOW)
        db.session.add(row)
        db.session.flush()
        return Actor("staff", row.id, role, dealer_id)


def wish(shop: Shop, **changes: object) -> Wish:
    values: dict[str, object] = {
        "deal_slug": shop.deal, "dealer_id": shop.west, "name": "周样例", "phone": "13900002086",
        "idempotency_key": f"key-{next(_keys)}", "seen_price_fen": 8_880_000, "terms_version": shop.terms, **changes,
    }  # fmt: skip
    return Wish(**values)  # pyright: ignore[reportArgumentType]


def place(shop: Shop, actor: Actor, now: datetime = NOW, **changes: object) -> Placed:
    given = {"phone": _phones.get(actor.id, "13900002086"), **changes}
    return place_booking(actor, wish(shop, **given), now)


def booking(no: str) -> Booking:
    """The booking as it stands in the database now."""
    db.session.rollback()
    return db.session.query(Booking).filter_by(no=no).one()


def units_left(shop: Shop) -> int:
    db.session.rollback()
    return db.session.get_one(OnePriceDeal, shop.deal_id, populate_existing=True).units_left


def events(no: str) -> list[str]:
    return [event.kind for event in booking(no).events]


def stands(shop: Shop) -> dict[str, int]:
    """Where every unit of the deal is, and how many wait; the sum is checked."""
    db.session.rollback()
    deal = db.session.get_one(OnePriceDeal, shop.deal_id, populate_existing=True)
    kept = db.session.query(Booking).filter(Booking.deal_id == shop.deal_id, Booking.state.in_(KEEPS_UNIT)).count()
    places = db.session.query(QueuePlace).filter_by(deal_id=shop.deal_id)
    offered, waiting = places.filter_by(state="offered").count(), places.filter_by(state="waiting").count()
    assert deal.units_left + kept + offered == deal.units_total, (deal.units_left, kept, offered)
    assert deal.waiting == waiting
    if deal.stock_by_dealer:
        own = db.session.query(DealDealer).filter_by(deal_id=shop.deal_id)
        assert sum(row.units_left or 0 for row in own) == deal.units_left
    db.session.rollback()
    return {"left": deal.units_left, "kept": kept, "offered": offered, "waiting": waiting}
