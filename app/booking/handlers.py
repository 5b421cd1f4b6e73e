"""What the bookings tell the rooms below."""

from flask import Flask

from app.booking import queries
from app.booking.rules import KIND
from app.booking.services import personal
from app.booking.services.pay import BookingPayable
from app.members import privacy
from app.payments import payables


def register(_app: Flask) -> None:
    """Called once by the factory: bookings can be paid for, and they hold a name and a phone number."""
    payables.register(KIND, BookingPayable())
    privacy.register(
        "booking",
        export=queries.export_own,
        erase=personal.erase_own,
        reassign=personal.reassign_own,
        blocks=personal.blocks,
        keeps=personal.KEEPS,
    )
