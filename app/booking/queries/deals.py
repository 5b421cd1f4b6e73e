"""The read side of deals: cards, pages, stock, who takes part."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, Select, bindparam, case, func, or_, select
from sqlalchemy.orm import joinedload

from app.booking.models import DealDealer, OnePriceDeal
from app.booking.queries.facts import ColourChoice, list_colours, list_lines
from app.booking.queries.sellable import OPEN_FOR_BUSINESS, sellable
from app.booking.rules import (
    DealPhase,
    Terms,
    deal_phase,
    earnest_rule,
    terms_of,
)
from app.catalog.models import Picture, Series, Trim
from app.catalog.pictures import picture_srcsets, share_path
from app.core import publishing
from app.core.clock import say
from app.core.db import db, peek
from app.core.errors import NotFound
from app.dealers.models import Dealer

RECENT_DAYS = 7
LAST_UNITS = 5
POLL_SECONDS = {
    DealPhase.RUNNING: 2,
    DealPhase.SOLD_OUT: 5,
    DealPhase.PAUSED: 10,
    DealPhase.UPCOMING: 30,
    DealPhase.ENDED: 60,
}


@dataclass(frozen=True, slots=True)
class DealPicture:
    """What the picture macro wants: a stored picture, and `share`, the square for share cards."""

    digest: str
    widths: str
    forms: str
    width: int
    height: int
    alt: str
    share: str | None = None

    @property
    def src(self) -> str:
        """The address that every reader understands."""
        return picture_srcsets(self)[1]


@dataclass(frozen=True, slots=True)
class DealCard:
    """A deal in a list: plain values, safe to keep."""

    slug: str
    title: str
    series_slug: str
    series_name: str
    car_name: str
    price_fen: int
    msrp_fen: int
    units_total: int
    units_left: int
    starts_at: datetime
    ends_at: datetime
    phase: DealPhase
    picture: DealPicture | None
    earnest_kind: str
    earnest_fen: int
    trim_slug: str = ""
    per_person: int = 1
    queue: bool = False  # a queue when it is sold out
    by_dealer: bool = False  # each store has units of its own
    balance_from: datetime | None = None
    balance_until: datetime | None = None
    waiting: int = 0  # people in the queue who were offered nothing yet
    paused_reason: str = ""  # why headquarters stopped it, in words for everybody

    @property
    def stock_mark(self) -> int:
        """What a page that shows the stock is kept for: units anybody may take, or below 0 how many wait."""
        return -self.waiting if self.waiting else self.units_left

    @property
    def presale(self) -> bool:
        """Whether the balance has a window of its own."""
        return self.balance_from is not None

    @property
    def rest_fen(self) -> int:
        return self.price_fen - self.earnest_fen

    @property
    def last_units(self) -> bool:
        return self.phase is DealPhase.RUNNING and self.units_left <= LAST_UNITS

    @property
    def poll_seconds(self) -> int:
        """How soon a page that stays open asks again."""
        return POLL_SECONDS[self.phase]

    @property
    def saving_fen(self) -> int:
        return max(self.msrp_fen - self.price_fen, 0)

    @property
    def ends_text(self) -> str:
        return f"{say(self.ends_at)} 结束"

    @property
    def starts_text(self) -> str:
        return f"{say(self.starts_at)} 开始"


@dataclass(frozen=True, slots=True)
class DealPage:
    """Everything the page of a deal says, except its stock."""

    card: DealCard
    per_person: int
    notes: str
    rule: str
    terms: Terms
    dealer_count: int
    cities: list[tuple[str, int]]
    included: list[str]
    excluded: list[str]
    confirm_hours: int
    ready_days: int
    paused: bool
    trim_id: int
    colours: list[ColourChoice]


def car_name(trim: Trim) -> str:
    """岫 S5 2026款 长续航版"""
    return f"{trim.series.name} {trim.model_year} {trim.name}"


def list_running_deals(now: datetime, limit: int = 20) -> list[DealCard]:
    """Deals that can be booked now, the one that ends first in front."""
    return _cards(_RUNNING, now, limit=limit)


def list_deals(now: datetime, limit: int = 50) -> list[DealCard]:
    """Running first, then upcoming, then what was sold out or ended in the last week."""
    order = [DealPhase.RUNNING, DealPhase.PAUSED, DealPhase.UPCOMING, DealPhase.SOLD_OUT, DealPhase.ENDED]
    cards = _cards(_LATEST, now, limit=limit * 2)
    recent = [c for c in cards if c.phase is not DealPhase.ENDED or (now - c.ends_at).days < RECENT_DAYS]
    return sorted(recent, key=lambda c: (order.index(c.phase), c.ends_at, c.slug))[:limit]


def list_deals_of_series(series_slug: str, now: datetime) -> list[DealCard]:
    """Running and upcoming deals on cars of this series."""
    return _cards(_OF_SERIES, now, slug=series_slug)


def list_deals_of_store(dealer_id: int, now: datetime) -> list[DealCard]:
    """Running and upcoming deals that can be booked at this store."""
    return _cards(_OF_STORE, now, dealer=dealer_id)


def list_stock() -> tuple[tuple[str, int], ...]:
    """Units left of every deal that is listed: what a list of deals says changes with it."""
    return tuple((slug, left) for slug, left in db.session.execute(_STOCK))


def find_stock(slug: str) -> int | None:
    """Units left of one deal."""
    return peek(_STOCK_OF, {"slug": slug})


def next_change(cards: Iterable[DealCard], now: datetime) -> datetime | None:
    """When time alone makes one of these deals begin, end or leave the list."""
    moments = [m for c in cards for m in (c.starts_at, c.ends_at, c.ends_at + timedelta(days=RECENT_DAYS))]
    return min((moment for moment in moments if moment > now), default=None)


def find_deal(slug: str) -> OnePriceDeal | None:
    """The row with its car, for the write side."""
    return db.session.scalar(_with_car().where(OnePriceDeal.slug == slug).execution_options(populate_existing=True))


def get_deal_card(slug: str, now: datetime) -> DealCard:
    """The deal with its stock at this moment; NotFound."""
    return card_of(get_row(slug), now)


def get_deal_page(slug: str, now: datetime) -> DealPage:
    """What `/deals/<slug>` says; NotFound."""
    row = get_row(slug)
    cities = publishing.remembered_one("deal_cities", row.id, lambda: list_cities(row), 64)
    return DealPage(
        card=card_of(row, now),
        per_person=row.per_person,
        notes=row.terms,
        rule=earnest_rule(row.earnest_kind),
        terms=terms_of(row),
        dealer_count=sum(count for _, count in cities),
        cities=cities,
        included=list_lines(row.included),
        excluded=list_lines(row.excluded),
        confirm_hours=row.confirm_hours,
        ready_days=row.ready_days,
        paused=row.paused_at is not None,
        trim_id=row.trim_id,
        colours=publishing.remembered_one("deal_colours", row.series_id, lambda: list_colours(row.series_id), 64),
    )


def get_row(slug: str) -> Any:
    row = db.session.execute(_BY_SLUG, {"slug": slug}).one_or_none()
    if row is None:
        raise NotFound("没有找到这个一口价，请看看其他正在进行的一口价。")
    return row


def list_cities(deal: "OnePriceDeal | Any") -> list[tuple[str, int]]:
    """Cities with participating dealers and how many each, the largest first."""
    counted = (
        participating(deal)
        .with_only_columns(Dealer.city, func.count())
        .group_by(Dealer.city)
        .order_by(func.count().desc(), Dealer.city)
    )
    return [(city, count) for city, count in db.session.execute(counted)]


def list_participating_dealers(deal: OnePriceDeal, city: str | None = None, limit: int = 60) -> list[Dealer]:
    """Dealers that take part and are open for business, of one city or of all, by city and name."""
    wanted = participating(deal)
    if city:
        wanted = wanted.where(Dealer.city == city)
    return list(db.session.scalars(wanted.order_by(Dealer.city, Dealer.name).limit(limit)))


def find_participating_dealer(deal: OnePriceDeal | Any, dealer_id: int) -> Dealer | None:
    """The dealer if it takes part in this deal and is open for business."""
    return db.session.scalar(participating(deal).where(Dealer.id == dealer_id))


def find_dealer_city(dealer_id: int) -> str | None:
    """Where a dealer is."""
    return db.session.scalar(select(Dealer.city).where(Dealer.id == dealer_id))


def _with_car() -> Select[OnePriceDeal]:
    return select(OnePriceDeal).options(joinedload(OnePriceDeal.trim).joinedload(Trim.series).joinedload(Series.cover))


def participating(deal: "OnePriceDeal | Any") -> Select[Dealer]:
    wanted = select(Dealer).where(Dealer.status == OPEN_FOR_BUSINESS)
    if not deal.all_dealers:
        wanted = wanted.join(DealDealer, DealDealer.dealer_id == Dealer.id).where(DealDealer.deal_id == deal.id)
    return wanted


_SELLABLE = sellable(OnePriceDeal)
# Made once: putting a statement together costs as much as running it.
_ROWS = (
    select(
        OnePriceDeal.id,
        OnePriceDeal.slug,
        OnePriceDeal.title,
        OnePriceDeal.price_fen,
        OnePriceDeal.units_total,
        _SELLABLE.label("units_left"),
        OnePriceDeal.units_left.label("units_on_shelf"),
        OnePriceDeal.starts_at,
        OnePriceDeal.ends_at,
        OnePriceDeal.withdrawn,
        OnePriceDeal.earnest_kind,
        OnePriceDeal.earnest_fen,
        OnePriceDeal.per_person,
        OnePriceDeal.terms,
        OnePriceDeal.confirm_hours,
        OnePriceDeal.ready_days,
        OnePriceDeal.balance_starts_at,
        OnePriceDeal.balance_ends_at,
        OnePriceDeal.included,
        OnePriceDeal.excluded,
        OnePriceDeal.queue_when_sold_out,
        OnePriceDeal.waiting,
        OnePriceDeal.stock_by_dealer,
        OnePriceDeal.paused_at,
        OnePriceDeal.paused_reason,
        OnePriceDeal.trim_id,
        Trim.series_id,
        OnePriceDeal.all_dealers,
        Trim.slug.label("trim_slug"),
        Trim.model_year,
        Trim.name.label("trim_name"),
        Trim.msrp_fen,
        Series.slug.label("series_slug"),
        Series.name.label("series_name"),
        Picture.digest,
        Picture.widths,
        Picture.forms,
        Picture.width,
        Picture.height,
    )
    .join(Trim, Trim.id == OnePriceDeal.trim_id)
    .join(Series, Series.id == Trim.series_id)
    .outerjoin(Picture, Picture.id == Series.cover_id)
)
_OFFERED = _ROWS.where(OnePriceDeal.withdrawn.is_(False))
_BY_SLUG = _ROWS.where(OnePriceDeal.slug == bindparam("slug"))
_RUNNING = (
    _OFFERED.where(
        OnePriceDeal.starts_at <= bindparam("now"),
        OnePriceDeal.ends_at > bindparam("now"),
        _SELLABLE > 0,
        OnePriceDeal.waiting == 0,
        OnePriceDeal.paused_at.is_(None),
    )
    .order_by(OnePriceDeal.ends_at, OnePriceDeal.id)
    .limit(bindparam("limit"))
)
_LATEST = _OFFERED.order_by(OnePriceDeal.ends_at.desc()).limit(bindparam("limit"))
_OF_SERIES = _OFFERED.where(Series.slug == bindparam("slug"), OnePriceDeal.ends_at > bindparam("now")).order_by(
    OnePriceDeal.starts_at, OnePriceDeal.id
)
_OF_STORE = _OFFERED.where(
    OnePriceDeal.ends_at > bindparam("now"),
    OnePriceDeal.paused_at.is_(None),
    select(Dealer.id).where(Dealer.id == bindparam("dealer"), Dealer.status == OPEN_FOR_BUSINESS).exists(),
    or_(
        OnePriceDeal.all_dealers,
        select(DealDealer.deal_id)
        .where(DealDealer.deal_id == OnePriceDeal.id, DealDealer.dealer_id == bindparam("dealer"))
        .exists(),
    ),
).order_by(OnePriceDeal.ends_at, OnePriceDeal.id)
# A unit is left for anybody only while nobody waits for one.
_FREE = case((OnePriceDeal.waiting > 0, 0), else_=_SELLABLE)
_MARK = case((OnePriceDeal.waiting > 0, -OnePriceDeal.waiting), else_=_SELLABLE)
_STOCK = (
    select(OnePriceDeal.slug, _FREE)
    .where(OnePriceDeal.withdrawn.is_(False))
    .order_by(OnePriceDeal.ends_at.desc(), OnePriceDeal.id)
    .limit(100)
)
_STOCK_OF = select(_MARK).where(OnePriceDeal.slug == bindparam("slug"))


def _cards(statement: Executable, now: datetime, **given: Any) -> list[DealCard]:
    return [card_of(row, now) for row in db.session.execute(statement, {"now": now, **given})]


def card_of(row: Any, now: datetime) -> DealCard:
    free, paused = (0 if row.waiting else row.units_left), row.paused_at is not None
    return DealCard(
        slug=row.slug,
        title=row.title,
        series_slug=row.series_slug,
        series_name=row.series_name,
        car_name=f"{row.series_name} {row.model_year} {row.trim_name}",
        price_fen=row.price_fen,
        msrp_fen=row.msrp_fen,
        units_total=row.units_total - (row.units_on_shelf - row.units_left),  # those of closed stores are not offered
        units_left=free,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        phase=deal_phase(row.starts_at, row.ends_at, free, row.withdrawn, now, paused=paused),
        picture=_picture(row),
        earnest_kind=row.earnest_kind,
        earnest_fen=row.earnest_fen,
        trim_slug=row.trim_slug,
        per_person=row.per_person,
        queue=row.queue_when_sold_out,
        by_dealer=row.stock_by_dealer,
        balance_from=row.balance_starts_at,
        balance_until=row.balance_ends_at,
        waiting=row.waiting,
        paused_reason=row.paused_reason if paused else "",
    )


def _picture(row: Any) -> DealPicture | None:
    if row.digest is None:
        return None
    return DealPicture(row.digest, row.widths, row.forms, row.width, row.height, row.series_name, share_path(row))
