"""三个问题 and the thanks: answered once by the person who drove; the promised coupon comes once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from app.core import audit
from app.core.db import changed_rows, db, transaction
from app.core.errors import DomainError, NotFound
from app.core.security import Actor
from app.coupons.rules import Channel, ClaimWay
from app.coupons.services.claim import claim_coupon
from app.drives.errors import AnswersClosed
from app.drives.models import DriveAnswer, TestDrive
from app.drives.queries.cars import thanks_title
from app.drives.queries.own import get_own
from app.drives.rules import DriveState
from app.drives.rules.states import PLANS
from app.drives.services.taking import first, lock_drive
from app.drives.services.telling import tell
from app.members.errors import AccountGone
from app.members.services.heirs import living_account


@dataclass(frozen=True, slots=True)
class Answers:
    car_stars: int
    dealer_stars: int
    plan: str


def answer(actor: Actor, no: str, said: Answers, now: datetime) -> None:
    """Keep the three answers, then thank for them. NotFound, AnswersClosed."""
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    drive_id = get_own(no, actor.id).id
    with transaction():
        drive = lock_drive(drive_id)
        if drive.member_id != actor.id:
            raise NotFound
        if drive.state != DriveState.FINISHED or said.plan not in PLANS:
            raise AnswersClosed
        row = DriveAnswer(
            drive_id=drive_id,
            dealer_id=drive.dealer_id,
            car_stars=said.car_stars,
            dealer_stars=said.dealer_stars,
            plan=said.plan,
            answered_at=now,
        )
        if not first(row):
            raise AnswersClosed
        tell(drive, "answered", actor, now)
        audit.record(actor, "drive_answered", "drive", drive_id)
    thank(drive_id, now)


def thank(drive_id: int, now: datetime) -> bool:
    """Give the coupon that was promised, once for each drive; a refusal is kept in words. False when none is due."""
    drive = db.session.get_one(TestDrive, drive_id, populate_existing=True)
    if not drive.thanks_slug or drive.member_id is None or drive.coupon_code or drive.coupon_note:
        return False
    slug, no, actor = drive.thanks_slug, drive.no, Actor("member", drive.member_id)
    dealer_id, staff_id = drive.dealer_id, drive.staff_id
    mine = update(TestDrive).where(TestDrive.id == drive_id)
    title = thanks_title(slug)
    try:
        with transaction():
            claimed = claim_coupon(
                actor,
                slug,
                now,
                key=f"drive:{no}",
                way=ClaimWay.STAFF,
                channel=Channel.STAFF,
                dealer_id=dealer_id,
                staff_id=staff_id,
                given=True,
            )
            changed_rows(mine.values(coupon_code=claimed.code))
            if not claimed.again:
                tell(drive, "thanked", actor, now, title)
    except DomainError as refusal:
        if isinstance(refusal, AccountGone) and living_account(actor.id or 0) is not None:
            return False  # joined with another account at this moment: the next sweep finds the person there
        with transaction():
            changed_rows(mine.values(coupon_note=refusal.message[:120]))
        return False
    return True


def thank_due(now: datetime) -> int:
    """Thank where the answers were kept and the program was stopped before the coupon."""
    waits = (
        select(TestDrive.id)
        .join(DriveAnswer, DriveAnswer.drive_id == TestDrive.id)
        .where(TestDrive.thanks_slug != "", TestDrive.coupon_code == "", TestDrive.coupon_note == "")
        .where(TestDrive.member_id.is_not(None))
        .limit(100)
    )
    found = list(db.session.scalars(waits))
    db.session.rollback()
    return sum(thank(drive_id, now) for drive_id in found)
