"""One's own test drives: the list and the page of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.core import clock
from app.core.db import db
from app.core.errors import NotFound
from app.drives.models import AgreementText, DriveAnswer, DriveSignature, LicencePhoto, TestDrive
from app.drives.queries.cars import get_desk, thanks_title
from app.drives.rules import OPEN, DriveState, state_word
from app.drives.rules.sealing import read_drawing
from app.drives.rules.states import MOVES, routes_of
from app.staff.models import StaffMember

EVENT_WORDS = {
    "booked": "已预约",
    "walk_in": "到店登记",
    "moved": "已改约",
    "cancelled": "您取消了预约",
    "store_cancelled": "门店取消了预约",
    "displaced": "原时段不能试驾",
    "restored": "原时段恢复",
    "lapsed": "没有改约，预约已取消",
    "joined": "已放进您的账号",
    "arrived": "已到店签到",
    "licence_seen": "驾驶证已核对",
    "photo_sent": "已上传驾驶证照片",
    "photo_opened": "门店查看了驾驶证照片",
    "photo_deleted": "驾驶证照片已删除",
    "signed": "试驾协议已签",
    "started": "开始试驾",
    "ended": "试驾结束",
    "no_show": "未到店",
    "answered": "已回答三个问题",
    "thanked": "谢礼已放进卡券",
    "left_over": "由系统结束",
}


@dataclass(frozen=True, slots=True)
class DrivePage:
    """One test drive as its person sees it."""

    drive: TestDrive
    word: str
    steps: list[dict[str, str]]
    mark: str
    consultant: str
    signed: bool
    photo: bool
    takes_photo: bool
    routes: list[str]
    answered: bool
    thanks: str
    may_change: bool
    may_cancel: bool


def list_own(member_id: int) -> list[TestDrive]:
    """Every test drive of a person, the coming ones first."""
    rows = select(TestDrive).where(TestDrive.member_id == member_id)
    return list(db.session.scalars(rows.order_by(TestDrive.state.not_in(OPEN), TestDrive.starts_at.desc()).limit(50)))


def count_open(member_id: int) -> int:
    """How many are still to come."""
    return sum(1 for drive in list_own(member_id) if drive.state in OPEN)


def find_own(no: str, member_id: int) -> TestDrive | None:
    return db.session.scalar(select(TestDrive).where(TestDrive.no == no, TestDrive.member_id == member_id))


def get_own(no: str, member_id: int) -> TestDrive:
    """One of a person's own drives; NotFound for everybody else's."""
    drive = find_own(no, member_id)
    if drive is None:
        raise NotFound
    return drive


def get_drive_page(no: str, member_id: int, now: datetime) -> DrivePage:
    """The page of one's own drive. NotFound."""
    drive = get_own(no, member_id)
    photo, desk = find_photo(drive.id), get_desk(drive.dealer_id)
    booked = drive.state == DriveState.BOOKED and now < drive.starts_at
    answered = db.session.get(DriveAnswer, drive.id) is not None
    return DrivePage(
        drive=drive,
        word=state_word(drive.state, drive.displaced_at),
        steps=list_steps(drive),
        mark=mark_of(drive, photo),
        consultant=staff_name(drive.staff_id),
        signed=find_signature(drive.id) is not None,
        photo=photo is not None and photo.content is not None,
        takes_photo=desk.licence_photos,
        routes=routes_of(desk.routes),
        answered=answered,
        thanks=thanks_title(drive.thanks_slug),
        may_change=booked and (drive.moved < MOVES or drive.displaced_at is not None),
        may_cancel=booked,
    )


def list_steps(drive: TestDrive) -> list[dict[str, str]]:
    """The timeline, newest first, as the component wants it."""
    return [
        {
            "title": EVENT_WORDS[event.kind],
            "state": "now" if n == 0 else "done",
            "time": clock.say(event.at),
            "text": event.note,
        }
        for n, event in enumerate(reversed(drive.events))
    ]


def mark_of(drive: TestDrive, photo: LicencePhoto | None) -> str:
    """What changes whenever the page of a drive does."""
    kept = "p" if photo is not None and photo.content is not None else ""
    return f"{drive.state}-{len(drive.events)}-{drive.route and 1}{kept}"


def find_signature(drive_id: int) -> DriveSignature | None:
    return db.session.get(DriveSignature, drive_id)


def signed_text(signature: DriveSignature) -> AgreementText:
    """The words that were signed."""
    return db.session.get_one(AgreementText, signature.digest)


def find_photo(drive_id: int) -> LicencePhoto | None:
    """What is known of the photo; its content may be gone."""
    return db.session.scalar(select(LicencePhoto).where(LicencePhoto.drive_id == drive_id))


def staff_name(staff_id: int | None) -> str:
    """Who received the customer; empty for nobody yet."""
    row = db.session.get(StaffMember, staff_id) if staff_id is not None else None
    return row.name if row else ""


def export_own(member_id: int, keys: Sequence[str] = ()) -> list[dict[str, object]]:
    """The person's own copy of what this room keeps."""
    return [_export(drive, keys) for drive in list_own(member_id)]


def _export(drive: TestDrive, keys: Sequence[str]) -> dict[str, object]:
    signature, photo = find_signature(drive.id), find_photo(drive.id)
    answer = db.session.get(DriveAnswer, drive.id)
    return {
        "no": drive.no,
        "dealer": drive.dealer.name,
        "car": drive.car_name,
        "starts_at": clock.local(drive.starts_at).isoformat(),
        "state": state_word(drive.state, drive.displaced_at),
        "name": drive.contact_name,
        "phone": drive.contact_phone,
        "route": drive.route,
        "timeline": [{"what": EVENT_WORDS[e.kind], "at": clock.local(e.at).isoformat()} for e in drive.events],
        "agreement": {
            "version": signed_text(signature).version,
            "hash": signature.digest,
            "typed_name": signature.typed_name,
            "drawing": read_drawing(signature.drawing, keys),
            "signed_at": clock.local(signature.signed_at).isoformat(),
        }
        if signature
        else None,
        "licence_photo": {
            "taken_at": clock.local(photo.taken_at).isoformat(),
            "deleted_at": clock.local(photo.deleted_at).isoformat() if photo.deleted_at else None,
        }
        if photo
        else None,
        "answers": {"car": answer.car_stars, "store": answer.dealer_stars, "plan": answer.plan} if answer else None,
    }
