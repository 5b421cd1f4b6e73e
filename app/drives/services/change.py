"""改约 and 取消: by the person until it begins, by the store with a reason."""

from datetime import datetime

from app.core import audit
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.dealers.models import Dealer
from app.drives.errors import DriveOver, ShareFirst, TooManyMoves
from app.drives.models import TestDrive
from app.drives.queries.cars import thanks_of
from app.drives.queries.desk import get_of_store
from app.drives.queries.own import get_own
from app.drives.rules import MOVES, DriveState
from app.drives.rules.states import SHARING_TEXT, SHARING_VERSION
from app.drives.services import photos
from app.drives.services.taking import finish, free_cells, lock_drive, lock_slot, take_any
from app.drives.services.telling import tell, tell_store, when
from app.members import queries as members
from app.members import services as member_services


@retry_deadlock
def move(
    actor: Actor, no: str, at: datetime, now: datetime, *, dealer_id: int | None = None, share: bool = False
) -> None:
    """Another time, or another store (which needs a word of its own to get name and number, and a photo of its own).

    Moved by the person's own tap alone; one whose slot no longer stands does not count as a move.
    NotFound, DriveOver, TooManyMoves, ShareFirst, NoCarHere, SlotGone.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    known = get_own(no, actor.id)
    drive_id, series_id, from_id, member_id = known.id, known.series_id, known.dealer_id, actor.id
    to_id = dealer_id or from_id
    if to_id != from_id and not share:
        raise ShareFirst
    thanks, _ = thanks_of(to_id, now)
    with transaction():
        member_services.hold_member(member_id)
        slot = lock_slot(to_id, series_id, at, now, but=drive_id)
        drive = lock_drive(drive_id)
        _check_open(drive, member_id, now)
        if drive.displaced_at is None:
            if drive.moved >= MOVES:
                raise TooManyMoves
            drive.moved += 1
        free_cells(drive.id)
        drive.dealer_id, drive.starts_at, drive.ends_at = to_id, slot.starts_at, slot.ends_at
        drive.displaced_at, drive.displaced_reason = None, ""
        drive.reminded_day = drive.reminded_soon = False
        take_any(drive, slot.cars)
        db.session.refresh(drive)
        if to_id != from_id:
            slug = db.session.get_one(Dealer, to_id).slug
            consented = "share_with_dealer", SHARING_VERSION, SHARING_TEXT, slug
            member_services.record_consent(member_id, *consented, reference=no, now=now)
            drive.thanks_slug = thanks
            _withdraw_old(member_id, no, from_id, now)
            photos.delete_photo(drive.id, actor, now)
            tell_store(drive, "客户改到其他门店", now, dealer_id=from_id)
        tell(drive, "moved", actor, now, when(drive))
        tell_store(drive, f"客户改约，{when(drive)}", now)
        audit.record(actor, "drive_moved", "drive", drive.id, dealer_id=to_id)


def _check_open(drive: TestDrive, member_id: int, now: datetime) -> None:
    if drive.member_id != member_id:
        raise NotFound
    if drive.state != DriveState.BOOKED or now >= drive.starts_at:
        raise DriveOver


def _withdraw_old(member_id: int, no: str, dealer_id: int, now: datetime) -> None:
    """The store that the drive left has no further use of name, number and licence."""
    slug = db.session.get_one(Dealer, dealer_id).slug
    for consent in members.list_consents(member_id):
        mine = (consent.subject, consent.reference) == (slug, no)
        if mine and consent.purpose in ("share_with_dealer", photos.PURPOSE) and consent.withdrawn_at is None:
            member_services.withdraw_consent(member_id, consent.id, now)


@retry_deadlock
def cancel(actor: Actor, no: str, now: datetime) -> None:
    """The person does not come; twice is as good as once. NotFound, DriveOver."""
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    drive_id, member_id = get_own(no, actor.id).id, actor.id
    with transaction():
        drive = lock_drive(drive_id)
        if drive.state == DriveState.CANCELLED:
            return
        _check_open(drive, member_id, now)
        finish(drive, DriveState.CANCELLED, "cancelled", actor, now)
        tell_store(drive, f"客户取消，原定{when(drive)}", now)
        audit.record(actor, "drive_cancelled", "drive", drive.id)


@retry_deadlock
def cancel_by_store(actor: Actor, no: str, reason: str, now: datetime) -> None:
    """The store cannot keep the appointment; the person is told why and offered another. NotFound, DriveOver."""
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    drive_id = get_of_store(no, actor.dealer_id).id
    with transaction():
        drive = lock_drive(drive_id)
        if drive.dealer_id != actor.dealer_id:  # moved to another store meanwhile
            raise NotFound
        if drive.state not in (DriveState.BOOKED, DriveState.ARRIVED):
            raise DriveOver
        note = f"{reason.strip()[:60] or '门店临时不能接待'}，可以重新预约其他时间或门店"
        finish(drive, DriveState.CANCELLED, "store_cancelled", actor, now, note)
        audit.record(actor, "drive_cancelled_by_store", "drive", drive.id)
