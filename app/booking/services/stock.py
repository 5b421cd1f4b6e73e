"""Units of a deal: the one place where they are taken, given back, offered and moved.

At every moment `units_left` + bookings that keep a unit + offered places == `units_total`; with stock for each dealer
the dealers' rows add up to the deal's. Everything here runs in the caller's transaction with the deal locked.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, Protocol, cast

import structlog
from sqlalchemy import ColumnElement, and_, bindparam, func, select, update

from app.booking.errors import DealerSoldOut, OfferElsewhere, OfferOver, SoldOut
from app.booking.models import Booking, DealDealer, OnePriceDeal, QueuePlace
from app.booking.queries.sellable import OPEN_FOR_BUSINESS, sellable
from app.booking.rules import DealPhase, offer_end, phase_of
from app.catalog.models import Series, Trim
from app.core import audit
from app.core.clock import say
from app.core.db import execute, forget, line_up, table_of
from app.core.errors import DomainError
from app.core.security import SYSTEM
from app.dealers.models import Dealer
from app.messages.services import notify

log = structlog.get_logger(__name__)

_series, _trims, _dealers = table_of(Series), table_of(Trim), table_of(Dealer)
_deals, _own, _places = table_of(OnePriceDeal).c, table_of(DealDealer).c, table_of(QueuePlace).c
_bookings = table_of(Booking).c
_given = cast("Callable[[str], Any]", bindparam)
_deal, _dealer, _now, _place = (_given(name) for name in ("deal", "dealer", "now", "place"))
_DEAL = update(table_of(OnePriceDeal)).where(_deals.id == _deal)
_DEALER = update(table_of(DealDealer)).where(_own.deal_id == _deal, _own.dealer_id == _dealer)


def _open(deals: Any) -> ColumnElement[bool]:
    """Anybody may book now."""
    return and_(deals.starts_at <= _now, deals.ends_at > _now, deals.withdrawn.is_(False), deals.paused_at.is_(None))


_TAKE = _DEAL.where(_deals.units_left >= 1, _deals.waiting == 0, _open(_deals)).values(units_left=_deals.units_left - 1)
# What a booking copies from its deal or is judged by; compared once more when its unit is taken.
COPIED = (
    "trim_id", "price_fen", "earnest_kind", "earnest_fen", "per_person", "confirm_hours", "ready_days",
    "balance_starts_at", "balance_ends_at", "terms", "stock_by_dealer",
)  # fmt: skip
_TAKE_AS_SEEN = _TAKE.returning(*(_deals[name] for name in COPIED))
_TAKE_DEALERS = _DEALER.where(_own.units_left >= 1).values(units_left=_own.units_left - 1)
_RETURN = _DEAL.where(_deals.units_left < _deals.units_total).values(units_left=_deals.units_left + 1)
_RETURN_DEALERS = _DEALER.where(_own.units_left < _own.units_total).values(units_left=_own.units_left + 1)
_OFFER_UNIT = _DEAL.where(_deals.units_left >= 1, _deals.waiting >= 1).values(
    units_left=_deals.units_left - 1, waiting=_deals.waiting - 1
)
_KEEP = (
    update(table_of(QueuePlace))
    .where(_places.id == _place, _places.state == "waiting")
    .values(state="offered", offered_at=_now, offer_until=_given("until"), dealer_id=_dealer)
)
_USE_OFFER = (
    update(table_of(QueuePlace))
    .where(_places.id == _place, _places.state == "offered", _places.offer_until > _now)
    .values(state="booked", ended_at=_now)
)
_LEAVE = (
    update(table_of(QueuePlace))
    .where(_places.id == _place, _places.state == "waiting")
    .values(state="left", ended_at=_now)
)
_FEWER_WAIT = _DEAL.where(_deals.waiting >= 1).values(waiting=_deals.waiting - 1)
_HELD = select(func.count()).where(
    _bookings.deal_id == _deal, _bookings.member_id == _given("member"), _bookings.slot.is_not(None)
)
_SETTLE = update(table_of(QueuePlace)).where(_places.id == _place).values(booking_id=_given("booking"))
_OWN_OFFER = select(_places.id, _places.dealer_id).where(
    _places.deal_id == _deal,
    _places.member_id == _given("member"),
    _places.state == "offered",
    _places.offer_until > _now,
)
_NEXT = (
    select(_places.id, _places.member_id, _places.lead_dealer_id)
    .where(_places.deal_id == _deal, _places.state == "waiting")
    .order_by(_places.claimed_at, _places.id)
    .limit(1)
)
# The store the person named first, then the one with most units; one that is closed could not be chosen.
_STORE = (
    select(_own.dealer_id)
    .join(_dealers, _dealers.c.id == _own.dealer_id)
    .where(_own.deal_id == _deal, _own.units_left >= 1, _dealers.c.status == OPEN_FOR_BUSINESS)
    .order_by((_own.dealer_id == _given("wanted")).desc(), _own.units_left.desc(), _own.dealer_id)
    .limit(1)
)


class HasPlace(Protocol):
    """What taking needs to know of an offered place."""

    @property
    def id(self) -> Any: ...
    @property
    def dealer_id(self) -> Any: ...


class Offer(NamedTuple):
    """A place that owns a unit; `dealer_id` says whose, with stock for each dealer."""

    id: int
    dealer_id: int | None


class HasStock(Protocol):
    """What taking needs to know of a locked deal."""

    @property
    def id(self) -> Any: ...
    @property
    def stock_by_dealer(self) -> Any: ...


class Shelf(NamedTuple):
    """A deal as it stands while it is locked; `units_left` are those that can be sold at this moment."""

    id: int
    slug: str
    units_left: int
    waiting: int
    starts_at: datetime
    ends_at: datetime
    withdrawn: bool
    paused_at: datetime | None
    stock_by_dealer: bool
    queue_when_sold_out: bool
    per_person: int
    series_name: str
    model_year: str
    trim_name: str

    @property
    def car_name(self) -> str:
        return f"{self.series_name} {self.model_year} {self.trim_name}"


_SHELF = (
    select(
        *(sellable(_deals) if name == "units_left" else _deals[name] for name in Shelf._fields[:11]),
        _series.c.name,
        _trims.c.model_year,
        _trims.c.name,
    )
    .join(_trims, _trims.c.id == _deals.trim_id)
    .join(_series, _series.c.id == _trims.c.series_id)
    .where(_deals.id == _deal)
)


def shelf(deal_id: int) -> Shelf:
    """How the deal stands in the database now."""
    return Shelf(*execute(_SHELF, {"deal": deal_id}).one())


def find_offer(deal_id: int, member_id: int, now: datetime) -> Offer | None:
    """The unit that is kept for this person now."""
    row = execute(_OWN_OFFER, {"deal": deal_id, "member": member_id, "now": now}).first()
    return Offer(*row) if row else None


def take(deal: HasStock, dealer_id: int, now: datetime, place: HasPlace | None = None) -> None:
    """Take one unit: the one that is offered to this person, else one of those anybody may take.

    No number of parallel buyers passes more often than there are units. SoldOut, DealerSoldOut, OfferOver,
    OfferElsewhere.
    """
    refusal = try_take(deal, dealer_id, now, place)
    if refusal is not None:
        raise refusal


def try_take(deal: HasStock, dealer_id: int, now: datetime, place: HasPlace | None = None) -> DomainError | None:
    """The same without raising: the refusal, which then changed nothing."""
    if place is not None:
        anywhere = place.dealer_id is None  # offered before each store had units of its own: any of them may give it
        if deal.stock_by_dealer and not anywhere and place.dealer_id != dealer_id:
            return OfferElsewhere()
        own = {"deal": deal.id, "dealer": dealer_id}
        if deal.stock_by_dealer and anywhere and execute(_TAKE_DEALERS, own).rowcount != 1:
            return DealerSoldOut()
        if execute(_USE_OFFER, {"place": place.id, "now": now}).rowcount != 1:
            if deal.stock_by_dealer and anywhere:
                execute(_RETURN_DEALERS, own)
            return OfferOver()
        forget(QueuePlace, place.id)
        return None
    if execute(_TAKE, {"deal": deal.id, "now": now}).rowcount != 1:
        return SoldOut()
    if deal.stock_by_dealer and execute(_TAKE_DEALERS, {"deal": deal.id, "dealer": dealer_id}).rowcount != 1:
        execute(_RETURN, {"deal": deal.id})
        return DealerSoldOut()
    forget(OnePriceDeal, deal.id)
    return None


def take_as_seen(deal: HasStock, dealer_id: int, now: datetime) -> bool:
    """Take one unit that anybody may take, and lock the deal, if it is still what it was when it was read.

    After a False the caller's transaction has to be undone.
    """
    line_up(OnePriceDeal, deal.id)
    row = execute(_TAKE_AS_SEEN, {"deal": deal.id, "now": now}).first()
    if row is None or row != tuple(getattr(deal, name) for name in COPIED):
        return False
    return not deal.stock_by_dealer or execute(_TAKE_DEALERS, {"deal": deal.id, "dealer": dealer_id}).rowcount == 1


def settle(place_id: int, booking_id: int) -> None:
    """Which booking the offer became."""
    execute(_SETTLE, {"place": place_id, "booking": booking_id})


def give_back(deal_id: int, dealer_id: int, now: datetime) -> None:
    """A unit is free again: the next in the queue is offered it at once, else anybody may take it."""
    if execute(_RETURN, {"deal": deal_id}).rowcount != 1:
        log.error("more_units_than_there_are", deal_id=deal_id)  # it would be sold twice: it stays off the shelf
        return
    execute(_RETURN_DEALERS, {"deal": deal_id, "dealer": dealer_id})
    forget(OnePriceDeal, deal_id)
    serve(deal_id, now)


def move(deal: HasStock, from_dealer: int, to_dealer: int) -> bool:
    """Another dealer hands the car over: with stock for each dealer its unit takes the place of the other's.

    False when that dealer has none left. One that is left while people wait is not for the asking: `serve` has
    offered it, so it is not counted as left.
    """
    if not deal.stock_by_dealer or from_dealer == to_dealer:
        return True
    if execute(_TAKE_DEALERS, {"deal": deal.id, "dealer": to_dealer}).rowcount != 1:
        return False
    execute(_RETURN_DEALERS, {"deal": deal.id, "dealer": from_dealer})
    return True


def serve(deal_id: int, now: datetime) -> int:
    """Offer what is free to the people who wait, first come first; returns to how many."""
    served = 0
    deal = shelf(deal_id)
    while deal.waiting > 0 and deal.units_left > 0 and phase_of(deal, now) is DealPhase.SOLD_OUT:
        row = execute(_NEXT, {"deal": deal.id}).first()
        if row is None:
            log.error("nobody_waits", deal_id=deal.id, counted=deal.waiting)
            break
        place_id, member_id, wanted = row
        if at_limit(deal, member_id):
            _excuse(deal, place_id, member_id, now)
        elif _offer(deal, place_id, member_id, wanted, now):
            served += 1
        else:
            break
        deal = shelf(deal_id)
    return served


def at_limit(deal: Shelf, member_id: int) -> bool:
    """Whether this person holds as many as one may: an offer could not be used."""
    return execute(_HELD, {"deal": deal.id, "member": member_id}).scalar_one() >= deal.per_person


def _excuse(deal: Shelf, place_id: int, member_id: int, now: datetime) -> None:
    """Who came to the limit while waiting is told so instead of being offered what could not be booked."""
    if execute(_LEAVE, {"place": place_id, "now": now}).rowcount != 1:
        raise RuntimeError("a place was ended without the deal's lock")
    execute(_FEWER_WAIT, {"deal": deal.id})
    forget(OnePriceDeal, deal.id)
    forget(QueuePlace, place_id)
    tell_at_limit(deal, place_id, member_id, now)


def tell_at_limit(deal: Shelf, place_id: int, member_id: int, now: datetime) -> None:
    """Why the place is over."""
    words = {"car": deal.car_name, "note": "您的预订已达到每人限订台数，候补已结束"}
    notify(member_id, "queue_over", f"queue_over:{place_id}", words, now, href=f"/deals/{deal.slug}")
    audit.record(SYSTEM, "queue_limit_reached", "queue_place", place_id, deal_id=deal.id)


def _offer(deal: Shelf, place_id: int, member_id: int, wanted: int | None, now: datetime) -> bool:
    """Keep one unit for this place; False when no open store has one."""
    dealer_id: int | None = None
    if deal.stock_by_dealer:
        dealer_id = execute(_STORE, {"deal": deal.id, "wanted": wanted or 0}).scalar()
        if dealer_id is None:
            return False
        execute(_TAKE_DEALERS, {"deal": deal.id, "dealer": dealer_id})
    until = offer_end(now, deal.ends_at)
    given = {"place": place_id, "now": now, "until": until, "dealer": dealer_id}
    if execute(_OFFER_UNIT, {"deal": deal.id}).rowcount != 1 or execute(_KEEP, given).rowcount != 1:
        raise RuntimeError("a place was offered without the deal's lock")
    forget(OnePriceDeal, deal.id)
    forget(QueuePlace, place_id)
    words = {"car": deal.car_name, "note": f"为您保留 1 台到{say(until)}"}
    notify(member_id, "offer", f"offer:{place_id}:{until.isoformat()}", words, now, href=f"/deals/{deal.slug}/queue")
    audit.record(SYSTEM, "unit_offered", "queue_place", place_id, deal_id=deal.id)
    return True
