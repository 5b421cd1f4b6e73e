"""The agreed time to come as a calendar file (RFC 5545): one event in Shanghai's time, which later files replace."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from app.booking.models import Booking
from app.catalog.calendar import fold, text_of
from app.core.clock import local

VISIT = timedelta(hours=1)
# Shanghai keeps one time all year since 1992.
ZONE = (
    "BEGIN:VTIMEZONE",
    "TZID:Asia/Shanghai",
    "BEGIN:STANDARD",
    "DTSTART:19920101T000000",
    "TZOFFSETFROM:+0800",
    "TZOFFSETTO:+0800",
    "TZNAME:CST",
    "END:STANDARD",
    "END:VTIMEZONE",
)


def appointment_calendar(booking: Booking, at: datetime, address: str, now: datetime) -> str:
    """The visit with an alarm two hours before; its number grows with the timeline, so a later time replaces it."""
    dealer, summary = booking.dealer, f"到店提车 {booking.car_name}"
    place = f"{dealer.name} {dealer.city}{dealer.district}{dealer.address}"
    about = f"订单号 {booking.no}\n门店电话 {dealer.phone}\n请带上证件，到店打开预订页出示取车码：{address}"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Zhanting//Booking//ZH",
        "METHOD:PUBLISH",
        *ZONE,
        "BEGIN:VEVENT",
        f"UID:booking-{booking.no}@{urlsplit(address).hostname}",
        f"SEQUENCE:{len(booking.events)}",
        f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;TZID=Asia/Shanghai:{local(at):%Y%m%dT%H%M%S}",
        f"DTEND;TZID=Asia/Shanghai:{local(at + VISIT):%Y%m%dT%H%M%S}",
        f"SUMMARY:{text_of(summary)}",
        f"LOCATION:{text_of(place)}",
        f"DESCRIPTION:{text_of(about)}",
        f"URL:{address}",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"DESCRIPTION:{text_of(summary)}",
        "TRIGGER:-PT2H",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(fold(line) + "\r\n" for line in lines)
