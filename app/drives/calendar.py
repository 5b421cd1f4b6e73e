"""The test drive as a calendar file."""

from datetime import datetime

from app.dealers.calendar import Appointment, appointment_calendar
from app.drives.models import TestDrive


def drive_calendar(drive: TestDrive, address: str, now: datetime) -> str:
    """The drive; its number grows with the timeline, so a later time replaces it."""
    about = f"预约号 {drive.no}\n门店电话 {drive.dealer.phone}\n请带驾驶证原件。改约或取消：{address}"
    summary, changes = f"试驾 {drive.car_name}", len(drive.events)
    visit = Appointment(f"drive-{drive.no}", changes, drive.starts_at, drive.ends_at, summary, about, address)
    return appointment_calendar(drive.dealer, visit, now)
