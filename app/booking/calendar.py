"""The agreed time to come as a calendar file."""

from datetime import datetime, timedelta

from app.booking.models import Booking
from app.dealers.calendar import Appointment, appointment_calendar

VISIT = timedelta(hours=1)


def pick_up_calendar(booking: Booking, at: datetime, address: str, now: datetime) -> str:
    """The visit; its number grows with the timeline, so a later time replaces it."""
    phone = booking.dealer.phone
    about = f"订单号 {booking.no}\n门店电话 {phone}\n请带上证件，到店打开预订页出示取车码：{address}"
    summary = f"到店提车 {booking.car_name}"
    visit = Appointment(f"booking-{booking.no}", len(booking.events), at, at + VISIT, summary, about, address)
    return appointment_calendar(booking.dealer, visit, now)
