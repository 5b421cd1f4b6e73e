"""Stores, a car and people for the tests of the leads; SAMPLE data."""

import itertools
from dataclasses import dataclass
from datetime import timedelta

from app.core.db import db, transaction
from app.core.security import Actor
from app.dealers.models import Dealer
from app.leads.models import Enquiry, Lead
from app.leads.services import Wish, open_enquiry
from tests.booking import shop as s
from tests.booking.shop import NOW

HOURS = "周一-周日 09:00-18:00"
PHONE = "13900002086"
_keys = itertools.count(1)


@dataclass(frozen=True)
class Desk:
    """Two open stores in Hangzhou, one in Shanghai, and who works in the first two."""

    west: int
    near: int
    far: int
    clerk: Actor
    manager: Actor
    other: Actor
    person: Actor


def build() -> Desk:
    """NOW is noon in Shanghai: all stores are open for six more hours."""
    shop = s.build()
    with transaction():
        near = Dealer(
            slug="near", name="滨江店", province="浙江省", city="杭州市", address="样例路 2 号", lat=30.25, lng=120.1,
            phone="057188880001", status="营业", hours=HOURS, services="销售；试驾", updated_at=NOW,
        )  # fmt: skip
        db.session.add(near)
        for dealer_id in (shop.west, shop.east):
            db.session.get_one(Dealer, dealer_id).hours = HOURS
        db.session.get_one(Dealer, shop.east).lng = 121.4
        db.session.flush()
        near_id = near.id
    clerk, manager, other = s.clerk(shop.west), s.clerk(shop.west, "manager", "李样例"), s.clerk(near_id)
    return Desk(shop.west, near_id, shop.east, clerk, manager, other, s.member(PHONE))


def ask(desk: Desk, *dealers: int, now=NOW, person: Actor | None = None, **changes: object) -> list[Lead]:
    """A price request to these stores; its leads in the order asked."""
    values: dict[str, object] = {
        "kind": "price", "source": "series", "subject": "岫 S5 2026款 长续航版", "dealers": dealers or (desk.west,),
        "idempotency_key": f"key-{next(_keys):08d}", "msrp_fen": 10_580_000, **changes,
    }  # fmt: skip
    no = open_enquiry(person or desk.person, Wish(**values), now, address_digest="a" * 64)  # pyright: ignore[reportArgumentType]
    return leads(no)


def leads(no: str) -> list[Lead]:
    db.session.rollback()
    return list(db.session.query(Lead).join(Enquiry).filter(Enquiry.no == no).order_by(Lead.id))


def lead(no: str) -> Lead:
    db.session.rollback()
    return db.session.query(Lead).filter_by(no=no).populate_existing().one()


def enquiry_no(row: Lead) -> str:
    return db.session.get_one(Enquiry, row.enquiry_id).no


HOUR = timedelta(hours=1)
