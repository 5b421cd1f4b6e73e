"""Handing the car over, and taking that back. Called by the redemption room inside its transaction."""

from datetime import datetime, timedelta

from app.booking.errors import BalanceSettled, NotReadyForHandOver, WrongStore
from app.booking.models import Booking
from app.booking.rules import BookingAction, BookingState
from app.booking.services import balance, book
from app.booking.services.change import Change, lock_booking, move, restore
from app.core.db import db, in_transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.coupons.services import hold


def lock(booking_id: int) -> None:
    """Lock what a hand-over changes, so that what was read before is read again after whoever was faster."""
    lock_booking(booking_id)


def hand_over(booking_id: int, actor: Actor, now: datetime, document: str = "") -> BookingState:
    """Hand the car over, once and paid in full; returns the state before, which an undo needs.

    An open balance is recorded with the store's `document` in the same step; a document for what was paid otherwise is
    told, because the store took money it must not keep. WrongStore, NotReadyForHandOver, and what recording refuses.
    """
    booking = _lock(booking_id, actor)
    before = BookingState(booking.state)
    recorded = False
    if booking.balance_open or (document and booking.balance_fen > 0):
        recorded = balance.record(booking, document, actor, now).first
    elif document:
        raise BalanceSettled("没有余款")
    _keep_promises(booking, now)
    if not move(booking, Change(BookingAction.HAND_OVER, "handed_over", booking.dealer.name), actor, now):
        raise NotReadyForHandOver
    if booking.coupon_fen:
        hold.spend(booking_id, booking.dealer_id, actor, now)
    if recorded:
        book.came_in(booking, booking.balance_fen, actor, now)
    return before


def take_back(booking_id: int, before: BookingState, actor: Actor, now: datetime) -> None:
    """Undo a hand-over: the booking stands where it stood, its balance as it was recorded.

    WrongStore, NotReadyForHandOver.
    """
    booking = _lock(booking_id, actor)
    if booking.state != BookingState.HANDED_OVER:
        raise NotReadyForHandOver
    if before is not BookingState.CAR_READY:
        booking.ready_at = None
    if before is BookingState.DEPOSIT_PAID:
        booking.confirmed_at = booking.ready_by = None
    db.session.flush()
    if not restore(booking, before, "hand_over_undone", actor, now):
        raise NotReadyForHandOver
    if booking.coupon_fen:
        hold.unspend(booking_id, booking.dealer_id, actor, now)


def _keep_promises(booking: Booking, now: datetime) -> None:
    """A car handed over at once was confirmed and ready by that."""
    if booking.confirmed_at is None:
        booking.confirmed_at, booking.ready_by = now, now + timedelta(days=booking.promised_days)
    if booking.ready_at is None:
        booking.ready_at = now
    db.session.flush()


def _lock(booking_id: int, actor: Actor) -> Booking:
    if not in_transaction():
        raise RuntimeError("a hand-over belongs to its redemption's transaction")
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    booking = lock_booking(booking_id)
    if booking.dealer_id != actor.dealer_id:
        raise WrongStore(booking.dealer.name)
    return booking
