"""The appointment as a calendar file (RFC 5545): one event, which later files of the same drive replace."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from app.catalog.calendar import fold, text_of
from app.drives.models import TestDrive


def drive_calendar(drive: TestDrive, address: str, now: datetime) -> str:
    """The drive with an alarm two hours before; its number grows with the timeline, so a later time replaces it."""
    dealer, summary = drive.dealer, f"试驾 {drive.car_name}"
    place = f"{dealer.name} {dealer.city}{dealer.district}{dealer.address}"
    about = f"预约号 {drive.no}\n门店电话 {dealer.phone}\n请带驾驶证原件。改约或取消：{address}"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Zhanting//TestDrive//ZH",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:drive-{drive.no}@{urlsplit(address).hostname}",
        f"SEQUENCE:{len(drive.events)}",
        f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART:{drive.starts_at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTEND:{drive.ends_at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
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
