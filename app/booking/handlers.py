"""What the bookings tell the rooms below."""

from flask import Flask

from app.booking.services.pay import KIND, BookingPayable
from app.payments import payables


def register(_app: Flask) -> None:
    """Called once by the factory: bookings can be paid for."""
    payables.register(KIND, BookingPayable())
