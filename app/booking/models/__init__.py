"""Tables of the room, by noun. Other rooms and modules use the names below."""

from app.booking.models.bookings import Booking, BookingEvent
from app.booking.models.cases import BookingCase, BookingReview
from app.booking.models.deals import DealDealer, DealReminder, OnePriceDeal
from app.booking.models.queue import QueuePlace
from app.booking.models.terms import TermsText

__all__ = [
    "Booking",
    "BookingCase",
    "BookingEvent",
    "BookingReview",
    "DealDealer",
    "DealReminder",
    "OnePriceDeal",
    "QueuePlace",
    "TermsText",
]
