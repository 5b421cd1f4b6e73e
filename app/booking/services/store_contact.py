"""Who opens a customer's name and number is recorded, each time."""

from sqlalchemy import select

from app.booking.models import Booking
from app.core import audit
from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor


def open_contact(actor: Actor, no: str) -> tuple[str, str]:
    """Name and number of a booking of the actor's own store, with an entry in the trail. NotFound."""
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    with transaction():
        row = db.session.execute(
            select(Booking.id, Booking.contact_name, Booking.contact_phone).where(
                Booking.no == no, Booking.dealer_id == actor.dealer_id
            )
        ).one_or_none()
        if row is None:
            raise NotFound
        audit.record(actor, "booking_contact_opened", "booking", row.id)
        return row.contact_name, row.contact_phone
