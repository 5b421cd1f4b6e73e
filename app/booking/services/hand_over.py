"""Handing the car over, and taking that back. Called by the redemption room inside its transaction."""

from datetime import datetime

from app.booking.errors import NotReadyForHandOver, WrongStore
from app.booking.models import Booking
from app.booking.rules import BookingAction, BookingState
from app.booking.services.change import Change, lock_booking, move, restore
from app.core.db import in_transaction
from app.core.errors import NotAllowed
from app.core.security import Actor


def lock(booking_id: int) -> None:
    """Lock what a hand-over changes, so that what was read before is read again after whoever was faster."""
    lock_booking(booking_id)


def hand_over(booking_id: int, actor: Actor, now: datetime) -> BookingState:
    """Hand the car over, once; returns the state before, which an undo needs. WrongStore, NotReadyForHandOver."""
    booking = _lock(booking_id, actor)
    before = BookingState(booking.state)
    if not move(booking, Change(BookingAction.HAND_OVER, "handed_over", booking.dealer.name), actor, now):
        raise NotReadyForHandOver
    return before


def take_back(booking_id: int, before: BookingState, actor: Actor, now: datetime) -> None:
    """Undo a hand-over: the booking stands where it stood. WrongStore, NotReadyForHandOver."""
    booking = _lock(booking_id, actor)
    if booking.state != BookingState.HANDED_OVER or not restore(booking, before, "hand_over_undone", actor, now):
        raise NotReadyForHandOver


def _lock(booking_id: int, actor: Actor) -> Booking:
    if not in_transaction():
        raise RuntimeError("a hand-over belongs to its redemption's transaction")
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    booking = lock_booking(booking_id)
    if booking.dealer_id != actor.dealer_id:
        raise WrongStore(booking.dealer.name)
    return booking
