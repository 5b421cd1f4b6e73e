"""A launch as a calendar file (RFC 5545), which every phone's calendar opens. `text_of`, `fold`: for other files."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from app.catalog.rules import Launch

WIDTH = 75


def launch_calendar(slug: str, name: str, launch: Launch, address: str, changed_at: datetime) -> str:
    """One event of a whole day with an alarm at nine in the morning; where only the month is known, its first day."""
    summary = f"{name} 上市" if launch.exact else f"{name} 预计本月上市"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Zhanting//Launch//ZH",
        "BEGIN:VEVENT",
        f"UID:launch-{slug}@{urlsplit(address).hostname}",
        f"DTSTAMP:{changed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{launch.on:%Y%m%d}",
        f"DTEND;VALUE=DATE:{launch.on + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{text_of(summary)}",
        f"DESCRIPTION:{text_of('价格与配置以上市公告为准。' + address)}",
        f"URL:{address}",
        "TRANSP:TRANSPARENT",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"DESCRIPTION:{text_of(summary)}",
        "TRIGGER:PT9H",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(fold(line) + "\r\n" for line in lines)


def text_of(value: str) -> str:
    """A value of the format's TEXT kind."""
    for sign in ("\\", ";", ","):
        value = value.replace(sign, "\\" + sign)
    return value.replace("\r", "").replace("\n", "\\n")


def fold(line: str) -> str:
    """No line longer than 75 octets; a character is never cut."""
    parts: list[str] = [""]
    octets = 0
    for letter in line:
        size = len(letter.encode())
        if octets + size > WIDTH:
            parts.append(" ")
            octets = 1
        parts[-1] += letter
        octets += size
    return "\r\n".join(parts)
