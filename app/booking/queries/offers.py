"""What a booking is made of, read in one statement, also while the deal is locked for it."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, or_, select, true

from app.booking.models import Booking, DealDealer, OnePriceDeal, QueuePlace
from app.booking.queries.sellable import OPEN_FOR_BUSINESS, sellable
from app.catalog.models import Series, Trim
from app.core import publishing
from app.core.db import execute, look, table_of
from app.dealers.models import Dealer

_deals, _trims, _series = table_of(OnePriceDeal), table_of(Trim), table_of(Series)
_bookings, _places = table_of(Booking), table_of(QueuePlace)
_own, _dealers = table_of(DealDealer), table_of(Dealer)


class Offered(NamedTuple):
    """A deal with its car, as it stood when it was read."""

    id: int
    slug: str
    price_fen: int
    earnest_kind: str
    earnest_fen: int
    units_left: int
    waiting: int
    starts_at: datetime
    ends_at: datetime
    withdrawn: bool
    paused_at: datetime | None
    per_person: int
    all_dealers: bool
    stock_by_dealer: bool
    queue_when_sold_out: bool
    confirm_hours: int
    ready_days: int
    balance_starts_at: datetime | None
    balance_ends_at: datetime | None
    terms: str
    trim_id: int
    msrp_fen: int
    series_name: str
    model_year: str
    trim_name: str

    @property
    def car_name(self) -> str:
        """岫 S5 2026款 长续航版"""
        return f"{self.series_name} {self.model_year} {self.trim_name}"


def _column(name: str) -> ColumnElement[Any]:
    """As it stands in the row, but for what cannot be sold at this moment."""
    return sellable(_deals.c) if name == "units_left" else _deals.c[name]


_READ: Select[Any] = (
    select(
        *(_column(name) for name in Offered._fields[:21]),
        _trims.c.msrp_fen,
        _series.c.name,
        _trims.c.model_year,
        _trims.c.name,
    )
    .join(_trims, _trims.c.id == _deals.c.trim_id)
    .join(_series, _series.c.id == _trims.c.series_id)
)
_BY_SLUG = _READ.where(_deals.c.slug == bindparam("slug"))
_LOCKED = _READ.where(_deals.c.id == bindparam("deal")).with_for_update(of=_deals, key_share=True)


# What a person who books stands before: the same form's booking, the chosen dealer if it takes part, an offered unit.
_SAME = select(_bookings.c.id, _bookings.c.no, _bookings.c.hold_until).where(
    _bookings.c.member_id == bindparam("member"), _bookings.c.idempotency_key == bindparam("key")
)
_TAKES_PART = select(_dealers.c.slug).where(
    _dealers.c.id == bindparam("dealer"),
    _dealers.c.status == OPEN_FOR_BUSINESS,
    or_(
        _deals.c.all_dealers,
        select(_own.c.deal_id).where(_own.c.deal_id == _deals.c.id, _own.c.dealer_id == _dealers.c.id).exists(),
    ),
)
_KEPT = select(_places.c.id).where(
    _places.c.deal_id == _deals.c.id,
    _places.c.member_id == bindparam("member"),
    _places.c.state == "offered",
    _places.c.offer_until > bindparam("now"),
)
_same = _SAME.subquery()
_BEFORE = _BY_SLUG.add_columns(
    _same.c.id,
    _same.c.no,
    _same.c.hold_until,
    _TAKES_PART.correlate(_deals).scalar_subquery(),
    _KEPT.correlate(_deals).exists(),
).outerjoin(_same, true())
_CARS = len(Offered._fields)


class Placed(NamedTuple):
    """A booking that holds a unit until `hold_until`."""

    id: int
    no: str
    hold_until: datetime


class Before(NamedTuple):
    """What a person who books stands before, read without a lock."""

    deal: Offered
    same: Placed | None  # this very form was sent before
    dealer_slug: str | None  # None: the chosen dealer does not take part
    kept: bool  # a unit is offered to this person


def look_before(slug: str, member_id: int, dealer_id: int, key: str, now: datetime) -> Before | None:
    """Everything that can be known before a lock is taken, in one statement; None when there is no such deal."""
    row = look(_BEFORE, {"slug": slug, "member": member_id, "dealer": dealer_id, "key": key, "now": now}).first()
    if row is None:
        return None
    same_id, no, hold_until, dealer_slug, kept = row[_CARS:]
    same = Placed(same_id, no, hold_until) if same_id is not None else None
    return Before(Offered(*row[:_CARS]), same, dealer_slug, bool(kept))


class Offer(NamedTuple):
    """A place in the queue with a unit that is kept for it."""

    id: int
    dealer_id: int | None


class Standing(NamedTuple):
    """What a person who books has of the deal, read with the deal locked."""

    same: Placed | None  # this very form was sent before
    offer: Offer | None  # the unit that is kept for this person
    taken: int  # bookings of this person that count
    of_phone: int  # and those with this phone, whoever made them
    of_address: int  # unpaid holds from this address


# `+ 0`: a deal's bookings are many; those of one person, phone or address are few and have an index of their own. A
# planner that had no figures of the crowd's new rows yet took the deal's and read them all.
_of_deal = _bookings.c.deal_id + 0 == bindparam("deal", type_=BigInteger)
_counts = _of_deal, _bookings.c.slot.is_not(None)
_own_offer = select(_places.c.id, _places.c.dealer_id).where(
    _places.c.deal_id == bindparam("deal"),
    _places.c.member_id == bindparam("member"),
    _places.c.state == "offered",
    _places.c.offer_until > bindparam("now"),
)
_STANDING = select(
    *(_SAME.with_only_columns(_bookings.c[name]).scalar_subquery() for name in Placed._fields),
    *(_own_offer.with_only_columns(_places.c[name]).scalar_subquery() for name in Offer._fields),
    select(func.count()).where(*_counts, _bookings.c.member_id == bindparam("member")).scalar_subquery(),
    select(func.count()).where(*_counts, _bookings.c.contact_phone == bindparam("phone")).scalar_subquery(),
    select(func.count())
    .where(
        _of_deal,
        _bookings.c.address_digest == bindparam("address"),
        _bookings.c.hold_until > bindparam("now"),
    )
    .scalar_subquery(),
)


def find_standing(
    deal_id: int, member_id: int, key: str, *, phone: str, address: str | None, now: datetime
) -> Standing:
    """All of it in one statement, so that the deal is locked as shortly as can be."""
    given = {"deal": deal_id, "member": member_id, "key": key, "phone": phone, "address": address, "now": now}
    same_id, no, hold_until, place_id, dealer_id, *counts = execute(_STANDING, given).one()
    return Standing(
        Placed(same_id, no, hold_until) if same_id is not None else None,
        Offer(place_id, dealer_id) if place_id is not None else None,
        *counts,
    )


def look_for_same(member_id: int, key: str) -> Placed | None:
    """The same, of what is committed now."""
    row = look(_SAME, {"member": member_id, "key": key}).first()
    return Placed(*row) if row else None


def lock_offered(deal_id: int) -> Offered:
    """The same, locked until the caller's transaction ends."""
    return Offered(*execute(_LOCKED, {"deal": deal_id}).one())


class Late(NamedTuple):
    """What decides whether somebody comes too late, and under which published number the answer may be kept."""

    starts_at: datetime
    ends_at: datetime
    withdrawn: bool
    paused_at: datetime | None
    units_left: int
    waiting: int
    queue_when_sold_out: bool
    published: int
    booked: bool  # this person has a booking of the deal, maybe by this very form
    kept: bool  # a unit is offered to this person


_BOOKED = (
    select(_bookings.c.id)
    .where(_bookings.c.deal_id == _deals.c.id, _bookings.c.member_id == bindparam("member"))
    .correlate(_deals)
)
_LATE = select(
    *(_column(name) for name in Late._fields[:7]),
    publishing.NUMBER.scalar_subquery(),
    _BOOKED.exists(),
    _KEPT.correlate(_deals).exists(),
).where(_deals.c.slug == bindparam("slug"))


def look_late(slug: str, member_id: int, now: datetime) -> Late | None:
    """The same for whoever may be too late: one small read, no lock; None: no such deal."""
    row = look(_LATE, {"slug": slug, "member": member_id, "now": now}).first()
    return Late(*row) if row else None
