"""What a person may ask of their bookings: to be forgotten, or to follow them to another account."""

from datetime import datetime

from sqlalchemy import update

from app.booking.models import Booking
from app.booking.rules import KEEPS_UNIT, BookingState
from app.core.db import changed_rows, transaction


def erase_own(member_id: int, _now: datetime) -> None:
    """Take name and phone off every booking that is over; one that still runs needs them until it is."""
    running = KEEPS_UNIT - {BookingState.HANDED_OVER} | {BookingState.REFUNDING}
    with transaction():
        over = update(Booking).where(Booking.member_id == member_id, Booking.state.not_in(running))
        changed_rows(over.values(contact_name="", contact_phone=""))


def reassign_own(from_id: int, to_id: int) -> None:
    """Give the bookings of one member to another: two accounts of one person become one."""
    with transaction():
        changed_rows(update(Booking).where(Booking.member_id == from_id).values(member_id=to_id))
