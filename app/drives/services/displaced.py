"""待改约: an appointment whose store or car closed. Its person is told, offered others, and moved by the own tap alone.

The quarter hours stay taken: if the store opens again the appointment stands again, and the person hears that, too.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.core import audit, clock
from app.core.db import db, transaction
from app.core.security import SYSTEM
from app.drives.models import DriveClosure, TestDrive
from app.drives.queries.cars import list_closures
from app.drives.queries.slots import why_not
from app.drives.rules import DriveState
from app.drives.services.taking import finish, lock_drive
from app.drives.services.telling import tell, tell_store, when


def settle(now: datetime, dealer_id: int | None = None) -> int:
    """Compare every coming appointment (of one store) with what is lent; how many changed. Whoever comes second
    finds it settled."""
    rows = (
        select(TestDrive)
        .options(joinedload(TestDrive.car), joinedload(TestDrive.dealer))
        .where(TestDrive.state == DriveState.BOOKED, TestDrive.starts_at > now)
        .execution_options(populate_existing=True)
    )
    if dealer_id is not None:
        rows = rows.where(TestDrive.dealer_id == dealer_id)
    closures: dict[int, list[DriveClosure]] = {}
    changed: list[int] = []
    for drive in db.session.scalars(rows):
        if drive.dealer_id not in closures:
            closures[drive.dealer_id] = list_closures(drive.dealer_id, clock.local(now).date())
        if bool(_why(drive, closures[drive.dealer_id])) != (drive.displaced_at is not None):
            changed.append(drive.id)
    db.session.rollback()
    return sum(_settle(drive_id, now) for drive_id in changed)


def _why(drive: TestDrive, closures: list[DriveClosure]) -> str:
    return why_not(drive.car, drive.dealer, drive.starts_at, drive.ends_at, closures)


def _settle(drive_id: int, now: datetime) -> bool:
    with transaction():
        drive = lock_drive(drive_id)
        db.session.refresh(drive.car)
        db.session.refresh(drive.dealer)
        why = _why(drive, list_closures(drive.dealer_id, clock.local(now).date()))
        if drive.state != DriveState.BOOKED or bool(why) == (drive.displaced_at is not None):
            return False
        if why:
            drive.displaced_at, drive.displaced_reason = now, why[:60]
            note = f"{why}，原定{when(drive)}。请选其他时间或门店，不改则到时自动取消"
            tell(drive, "displaced", SYSTEM, now, note)
            tell_store(drive, f"{why}，已请客户改约", now)
        else:
            drive.displaced_at, drive.displaced_reason = None, ""
            tell(drive, "restored", SYSTEM, now, f"{when(drive)}，照常试驾")
        audit.record(SYSTEM, "drive_displaced" if why else "drive_restored", "drive", drive_id)
        return True


def lapse_due(now: datetime) -> int:
    """Whoever was told and did not choose: cancelled when its time has come, by the store and not as a no-show."""
    due = select(TestDrive.id).where(
        TestDrive.state == DriveState.BOOKED, TestDrive.displaced_at.is_not(None), TestDrive.starts_at <= now
    )
    found = list(db.session.scalars(due.limit(200)))
    db.session.rollback()
    ended = 0
    for drive_id in found:
        with transaction():
            drive = lock_drive(drive_id)
            if drive.displaced_at is None or drive.state != DriveState.BOOKED:
                continue
            note = f"{drive.displaced_reason}，预约已取消，可以重新预约"
            ended += finish(drive, DriveState.CANCELLED, "lapsed", SYSTEM, now, note)
    return ended
