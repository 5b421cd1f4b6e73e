"""A line in the drive's timeline, and word to those it concerns."""

from datetime import datetime

from app.core.clock import say
from app.core.db import db
from app.core.security import Actor
from app.drives.models import DriveEvent, TestDrive
from app.drives.queries.own import EVENT_WORDS
from app.messages.services import notify
from app.staff import queries as staff

# Which lines are also told to the person.
NOTICES = {
    "booked": "drive_booked",
    "moved": "drive_booked",
    "restored": "drive_booked",
    "store_cancelled": "drive_cancelled",
    "lapsed": "drive_cancelled",
    "displaced": "drive_displaced",
    "no_show": "drive_missed",
    "ended": "drive_ended",
    "thanked": "drive_thanked",
}


def tell(drive: TestDrive, kind: str, actor: Actor, now: datetime, note: str = "") -> None:
    """Add the line; the member hears of what matters, once for each line. In the caller's transaction."""
    line = DriveEvent(drive_id=drive.id, kind=kind, at=now, actor_kind=actor.kind, note=note[:160])
    db.session.add(line)
    db.session.flush()
    if kind in NOTICES and drive.member_id is not None:
        words = {"car": drive.car_name, "note": note or EVENT_WORDS[kind]}
        href = f"/me/test-drives/{drive.no}"
        notify(drive.member_id, NOTICES[kind], f"drive-event:{drive.no}:{line.id}", words, now, href=href)


def tell_store(drive: TestDrive, note: str, now: datetime, *, dealer_id: int | None = None) -> None:
    """One line in the message list of everybody who works there now; without name and number."""
    words = {"car": f"试驾 {drive.car_name}", "note": note}
    key = f"drive-store:{drive.no}:{int(now.timestamp() * 1000)}"
    for person in staff.list_team(dealer_id or drive.dealer_id):
        href = f"/staff/test-drives/{drive.no}" if dealer_id is None else "/staff/test-drives"
        notify(person.member_id, "store_news", f"{key}:{person.id}", words, now, href=href)


def when(drive: TestDrive) -> str:
    """11月22日14:30，西湖文三路店."""
    return f"{say(drive.starts_at)}，{drive.dealer.name}"
