"""延长保留: once, ten minutes, asked for while the hold still runs."""

from datetime import datetime

from app.booking import queries
from app.booking.errors import AlreadyExtended, HoldOver
from app.booking.rules import EXTENSION, BookingState
from app.booking.services.change import lock_booking, tell
from app.core import audit
from app.core.clock import say
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.security import Actor


@retry_deadlock
def extend_hold(actor: Actor, no: str, now: datetime) -> datetime:
    """Keep the unit ten minutes longer; returns until when. The order at WeChat Pay lasts that long already.

    NotFound, HoldOver (paid, ended or past its time), AlreadyExtended.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    booking_id = queries.get_booking(no, actor.id).id
    with transaction():
        booking = lock_booking(booking_id)
        if booking.member_id != actor.id:
            raise NotFound
        if booking.state != BookingState.HELD or now >= booking.hold_until:
            raise HoldOver
        if booking.hold_extended_at is not None:
            raise AlreadyExtended
        booking.hold_until, booking.hold_extended_at = booking.hold_until + EXTENSION, now
        db.session.flush()
        tell(booking.id, "extended", actor, now, f"保留到{say(booking.hold_until)}")
        audit.record(actor, "hold_extended", "booking", booking.id)
        return booking.hold_until
