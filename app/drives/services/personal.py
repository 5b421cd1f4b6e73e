"""What a person may ask of their test drives: to be forgotten, or to follow them to another account."""

from datetime import datetime

from sqlalchemy import select, update

from app.core.db import changed_rows, db, transaction
from app.core.security import SYSTEM
from app.drives.models import LicencePhoto, TestDrive
from app.drives.queries.own import list_own
from app.drives.rules import OPEN, state_word
from app.drives.services.photos import delete_photo

KEEPS = (
    "已签的试驾协议（姓名或签名）保留到试驾后 180 天，用来处理试驾期间的交通违法和事故；"
    "试驾的车、门店和时间保留，不含姓名和手机号。"
)


def blocks(member_id: int) -> list[str]:
    """Appointments and drives that are not over."""
    return [
        f"试驾 {drive.no}（{state_word(drive.state, drive.displaced_at)}）还没结束，取消或完成后即可。"
        for drive in list_own(member_id)
        if drive.state in OPEN
    ]


def erase_own(member_id: int, now: datetime) -> None:
    """Name and number go from every drive that is over, and every photo; a signature waits for its time."""
    with transaction():
        mine = select(TestDrive.id).where(TestDrive.member_id == member_id)
        held = select(LicencePhoto.drive_id).where(LicencePhoto.drive_id.in_(mine), LicencePhoto.content.is_not(None))
        for drive_id in list(db.session.scalars(held)):
            delete_photo(drive_id, SYSTEM, now)
        over = update(TestDrive).where(TestDrive.member_id == member_id, TestDrive.state.not_in(OPEN))
        changed_rows(over.values(contact_name="", contact_phone=""))


def hold(from_id: int, to_id: int) -> None:
    """Lock the drives of both accounts in their order: none ends between being read and given on."""
    rows = select(TestDrive.id).where(TestDrive.member_id.in_((from_id, to_id))).order_by(TestDrive.id)
    list(db.session.scalars(rows.with_for_update(of=TestDrive)))


def reassign_own(from_id: int, to_id: int) -> None:
    """Give the drives to the other account; a place beyond the limit counts like any other, so nothing is gained."""
    with transaction():
        rows = select(TestDrive).where(TestDrive.member_id.in_((from_id, to_id))).order_by(TestDrive.id)
        drives = list(db.session.scalars(rows))
        taken = {drive.slot for drive in drives if drive.member_id == to_id}
        keys = {drive.idempotency_key for drive in drives if drive.member_id == to_id}
        for drive in (drive for drive in drives if drive.member_id == from_id):
            slot = drive.slot
            while slot is not None and slot in taken:
                slot += 1
            taken.add(slot)
            values: dict[str, object] = {"member_id": to_id, "slot": slot}
            if drive.idempotency_key in keys:
                values["idempotency_key"] = f"merged-{drive.id}"
            changed_rows(update(TestDrive).where(TestDrive.id == drive.id).values(**values))
