"""迟到的付款: money that arrives after the hold ended gets its unit if one is left, else it keeps the person's turn.

Called by the payment's `on_paid`, in its transaction, the deal and the booking locked.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, select, update

from app.booking import queries
from app.booking.models import Booking, OnePriceDeal, QueuePlace
from app.booking.rules import BookingAction
from app.booking.services import limits, queue, stock
from app.booking.services.change import Change, Standing, move, tell
from app.core.db import UtcDateTime, db, execute, forget, table_of
from app.core.money import format_yuan
from app.core.security import SYSTEM

_bookings = table_of(Booking).c
_places = table_of(QueuePlace).c
# Who booked an offered unit asked for it when they joined the queue, not when they booked.
_SINCE = select(func.min(_places.claimed_at)).where(_places.booking_id == bindparam("booking")).scalar_subquery()
_CLAIM = select(
    _bookings.dealer_id, func.coalesce(_SINCE, _bookings.created_at, type_=UtcDateTime), _bookings.earnest_fen
).where(_bookings.id == bindparam("booking"))
_SLOT = update(table_of(Booking)).where(_bookings.id == bindparam("booking")).values(slot=bindparam("place"))


class Claim(NamedTuple):
    """What the expired booking was for, and since when the person asks for a unit."""

    dealer_id: int
    since: datetime
    earnest_fen: int


def rescue(booking: Standing, paid_fen: int, now: datetime) -> bool:
    """Give the expired booking a unit again, with its place in the limit; False when there is none for it."""
    deal = db.session.get_one(OnePriceDeal, booking.deal_id, populate_existing=True)
    claim = _claim(booking.id)
    if paid_fen != claim.earnest_fen:  # coupons lowered what was due; they went back when the hold ended
        return False
    slot = limits.find_slot(booking.deal_id, booking.member_id, deal.per_person)
    if slot is None or queries.find_participating_dealer(deal, claim.dealer_id) is None:
        return False
    place = stock.find_offer(booking.deal_id, booking.member_id, now)
    if stock.try_take(deal, claim.dealer_id, now, place) is not None:
        return False
    note = f"已收到{booking.earnest_kind} {format_yuan(paid_fen)}"
    move(booking, Change(BookingAction.RESCUE, "rescued", note, booking.promise(now)), SYSTEM, now)
    execute(_SLOT, {"booking": booking.id, "place": slot})
    forget(Booking, booking.id)
    if place is not None:
        stock.settle(place.id, booking.id)
    return True


def keep_turn(booking: Standing, now: datetime) -> None:
    """No unit was left: the person stands in the queue where the booking stood, unless the limit is used up."""
    deal = stock.shelf(booking.deal_id)
    if limits.find_slot(booking.deal_id, booking.member_id, deal.per_person) is None:
        return
    claim = _claim(booking.id)
    position = queue.seat_first(booking.deal_id, booking.member_id, claim.since, now)
    if position:
        tell(booking.id, "queued_first", SYSTEM, now, f"排在候补第 {position} 位，有名额时为您保留 24 小时")


def _claim(booking_id: int) -> Claim:
    return Claim(*execute(_CLAIM, {"booking": booking_id}).one())
