"""An appointment in a store as a calendar file (RFC 5545): one event in Shanghai's time, which later files replace."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from app.catalog.calendar import fold, text_of
from app.core.clock import local
from app.dealers.models import Dealer

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


@dataclass(frozen=True, slots=True)
class Appointment:
    """`key` names it for ever, `changes` grows with every change, `address` is its page."""

    key: str
    changes: int
    starts_at: datetime
    ends_at: datetime
    summary: str
    about: str
    address: str


def appointment_calendar(dealer: Dealer, one: Appointment, now: datetime) -> str:
    """The file, with an alarm two hours before."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Zhanting//Appointment//ZH",
        "METHOD:PUBLISH",
        *ZONE,
        "BEGIN:VEVENT",
        f"UID:{one.key}@{urlsplit(one.address).hostname}",
        f"SEQUENCE:{one.changes}",
        f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;TZID=Asia/Shanghai:{local(one.starts_at):%Y%m%dT%H%M%S}",
        f"DTEND;TZID=Asia/Shanghai:{local(one.ends_at):%Y%m%dT%H%M%S}",
        f"SUMMARY:{text_of(one.summary)}",
        f"LOCATION:{text_of(f'{dealer.name} {dealer.city}{dealer.district}{dealer.address}')}",
        f"DESCRIPTION:{text_of(one.about)}",
        f"URL:{one.address}",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"DESCRIPTION:{text_of(one.summary)}",
        "TRIGGER:-PT2H",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(fold(line) + "\r\n" for line in lines)
