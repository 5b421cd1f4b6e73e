"""The people of a store hear of what a customer changed. Without name and number: those stand on the booking."""

from datetime import datetime

from app.booking.models import Booking
from app.messages.services import notify
from app.staff import queries as staff


def tell_store(booking: Booking, dealer_id: int, note: str, now: datetime, *, leads_to_it: bool = True) -> int:
    """One line in the message list of everybody who works there now; to how many. In the caller's transaction."""
    href = f"/staff/bookings/{booking.no}" if leads_to_it else "/staff/bookings"
    words = {"car": f"{booking.car_name} {booking.no}", "note": note}
    key = f"store:{booking.id}:{int(now.timestamp() * 1000)}"
    return sum(
        notify(person.member_id, "store_news", f"{key}:{dealer_id}:{person.id}", words, now, href=href)
        for person in staff.list_team(dealer_id)
    )
