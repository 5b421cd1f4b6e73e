"""Who opens a customer's name and number is recorded, each time, and only while the store needs them."""

from datetime import datetime

from sqlalchemy import select

from app.booking.errors import ContactClosed, ContactWithdrawn
from app.booking.models import Booking
from app.booking.queries.store import took_back_sharing
from app.booking.rules.promises import may_contact
from app.core import audit
from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor


def open_contact(actor: Actor, no: str, now: datetime) -> tuple[str, str]:
    """Name and number of a booking of the actor's own store, with an entry in the trail.

    NotFound, ContactClosed (the booking ended a while ago, or was never paid), ContactWithdrawn.
    """
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    with transaction():
        booking = db.session.scalar(
            select(Booking)
            .where(Booking.no == no, Booking.dealer_id == actor.dealer_id)
            .with_for_update(read=True, of=Booking)
            .execution_options(populate_existing=True)
        )
        if booking is None:
            raise NotFound
        if not may_contact(booking.state, booking.state_at, now):
            raise ContactClosed
        if took_back_sharing(booking):
            raise ContactWithdrawn
        audit.record(actor, "booking_contact_opened", "booking", booking.id)
        return booking.contact_name, booking.contact_phone
