"""What time does to test drives: reminders, no-shows, what the desk forgot, and names nobody needs any more."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, select, update

from app.core.clock import say
from app.core.db import changed_rows, db, transaction
from app.core.security import SYSTEM
from app.drives.models import DriveSignature, TestDrive
from app.drives.rules import OPEN, DriveState
from app.drives.rules.states import CONTACT_LIFE, LEFT_OVER, NO_SHOW_AFTER, REMIND_DAY, REMIND_SOON
from app.drives.services.taking import finish, lock_drive
from app.messages.services import notify

BATCH = 200
_STANDS = (TestDrive.state == DriveState.BOOKED, TestDrive.displaced_at.is_(None), TestDrive.member_id.is_not(None))


def remind(now: datetime) -> int:
    """Tell each person once the day before and once two hours before; who booked later than that is not told."""
    day = (TestDrive.reminded_day.is_(False), TestDrive.starts_at <= now + REMIND_DAY)
    soon = (TestDrive.reminded_soon.is_(False), TestDrive.starts_at <= now + REMIND_SOON)
    return _remind(soon, "soon", now) + _remind(day, "day", now)  # a worker that was away tells the nearer one alone


def _remind(due: tuple[ColumnElement[bool], ...], which: str, now: datetime) -> int:
    rows = select(TestDrive.id).where(*_STANDS, TestDrive.starts_at > now, *due).limit(BATCH)
    found = list(db.session.scalars(rows))
    db.session.rollback()
    sent = 0
    for drive_id in found:
        with transaction():
            mark = {"reminded_day": True} | ({"reminded_soon": True} if which == "soon" else {})
            mine = update(TestDrive).where(TestDrive.id == drive_id, *_STANDS, *due)
            if changed_rows(mine.values(**mark)) == 1:
                sent += _send(db.session.get_one(TestDrive, drive_id, populate_existing=True), which, now)
    return sent


def _send(drive: TestDrive, which: str, now: datetime) -> bool:
    ahead = REMIND_DAY if which == "day" else REMIND_SOON
    said = max((event.at for event in drive.events if event.kind in ("booked", "moved", "restored")), default=now)
    if said > drive.starts_at - ahead:
        return False  # booked or moved within that time: just told
    words = {"car": drive.car_name, "note": f"{say(drive.starts_at)}在{drive.dealer.name}，请带驾驶证原件"}
    key = f"drive-reminder:{drive.no}:{int(drive.starts_at.timestamp())}:{which}"
    return notify(drive.member_id or 0, "drive_soon", key, words, now, href=f"/me/test-drives/{drive.no}")


def mark_no_shows(now: datetime) -> int:
    """Half an hour after the end of a slot for which nobody came; the car's time has passed anyway."""
    waits = (TestDrive.state == DriveState.BOOKED, TestDrive.displaced_at.is_(None))
    due = select(TestDrive.id).where(*waits, TestDrive.ends_at <= now - NO_SHOW_AFTER)
    return _finish_all(due, {DriveState.BOOKED: (DriveState.NO_SHOW, "no_show", "没有等到您，想试驾可以重新预约")}, now)


def close_left_over(now: datetime) -> int:
    """What the desk forgot to end half a day ago."""
    due = select(TestDrive.id).where(
        TestDrive.state.in_((DriveState.ARRIVED, DriveState.DRIVING)), TestDrive.starts_at <= now - LEFT_OVER
    )
    ends = {
        DriveState.ARRIVED: (DriveState.CANCELLED, "left_over", "到店后没有试驾"),
        DriveState.DRIVING: (DriveState.FINISHED, "left_over", "门店没有登记还车时间"),
    }
    return _finish_all(due, ends, now)


Ends = dict[DriveState, tuple[DriveState, str, str]]


def _finish_all(due: Select[int], ends: Ends, now: datetime) -> int:
    found = list(db.session.scalars(due.limit(BATCH)))
    db.session.rollback()
    done = 0
    for drive_id in found:
        with transaction():
            drive = lock_drive(drive_id)
            if drive.state in ends:
                state, kind, note = ends[DriveState(drive.state)]
                done += finish(drive, state, kind, SYSTEM, now, note)
    return done


def forget_contacts(now: datetime) -> int:
    """Names, numbers and signatures go half a year after a drive is over; what was driven where stays."""
    over = (TestDrive.state.not_in(OPEN), TestDrive.state_at <= now - CONTACT_LIFE)
    with transaction():
        named = TestDrive.contact_name != ""
        gone = changed_rows(update(TestDrive).where(*over, named).values(contact_name="", contact_phone=""))
        old = select(TestDrive.id).where(*over)
        gone += changed_rows(delete(DriveSignature).where(DriveSignature.drive_id.in_(old)))
    return gone
