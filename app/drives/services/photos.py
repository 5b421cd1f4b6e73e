"""驾驶证照片: only where the store asks for it, only by the person's own tap, sealed, opened with a trace, deleted."""

import io
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, update

from app.catalog.pictures.checking import PictureError, opened
from app.core import audit
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import SYSTEM, Actor
from app.drives.errors import DriveOver, PhotoConsent, PhotoGone, PhotosOff, PhotoTooBig, PhotoWrong
from app.drives.models import LicencePhoto, TestDrive
from app.drives.queries.cars import get_desk
from app.drives.queries.desk import get_of_store
from app.drives.queries.own import find_photo, get_own
from app.drives.rules import DriveState
from app.drives.rules.sealing import InvalidToken, seal, unseal
from app.drives.rules.states import PHOTO_LIFE, PHOTO_TEXT, PHOTO_VERSION
from app.drives.services.taking import lock_drive
from app.drives.services.telling import tell
from app.members import services as member_services
from app.members.models import Consent

MOST_BYTES = 10 * 1024 * 1024
SIDE, QUALITY = 1800, 82
PURPOSE = "licence_photo"


@retry_deadlock
def add_photo(actor: Actor, no: str, content: bytes, agreed: bool, now: datetime, *, keys: Sequence[str]) -> None:
    """Keep the person's own photo of the licence, smaller, without what the camera wrote into it, and sealed.

    NotFound, PhotosOff, PhotoConsent, PhotoTooBig, PhotoWrong, DriveOver.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    known, member_id = get_own(no, actor.id), actor.id
    if not keys or not get_desk(known.dealer_id).licence_photos:
        raise PhotosOff
    if not agreed:
        raise PhotoConsent
    drive_id, slug = known.id, known.dealer.slug
    sealed = seal(_shrink(content), keys)
    with transaction() as session:
        member_services.hold_member(member_id)
        drive = lock_drive(drive_id)
        if drive.member_id != member_id:
            raise NotFound
        if drive.state not in (DriveState.BOOKED, DriveState.ARRIVED):
            raise DriveOver
        consent_id = member_services.record_consent(
            member_id, PURPOSE, PHOTO_VERSION, PHOTO_TEXT, slug, reference=no, now=now
        )
        row = find_photo(drive_id)
        if row is None:
            row = LicencePhoto(drive_id=drive_id)
            session.add(row)
        row.content, row.consent_id, row.taken_at, row.delete_at, row.deleted_at = (
            sealed,
            consent_id,
            now,
            now + PHOTO_LIFE,
            None,
        )
        tell(drive, "photo_sent", actor, now)
        audit.record(actor, "licence_photo_added", "drive", drive_id)


def open_photo(actor: Actor, no: str, now: datetime, *, keys: Sequence[str]) -> bytes:
    """The photo as a JPEG for somebody of the drive's store; each look is in the trail and on the timeline.

    NotAllowed, NotFound, PhotoGone.
    """
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    with transaction():
        drive = lock_drive(get_of_store(no, actor.dealer_id).id)
        row = find_photo(drive.id)
        if row is None or row.content is None or row.delete_at <= now or not _stands(row, drive):
            raise PhotoGone
        try:
            content = unseal(row.content, keys)
        except InvalidToken:
            raise PhotoGone from None
        tell(drive, "photo_opened", actor, now)
        audit.record(actor, "licence_photo_opened", "drive", drive.id)
        return content


def delete_due(now: datetime) -> int:
    """Delete what is thirty days old, was taken back, or belongs to a drive that did not take place."""
    gone_back = select(Consent.id).where(Consent.id == LicencePhoto.consent_id, Consent.withdrawn_at.is_not(None))
    unused = select(TestDrive.id).where(
        TestDrive.id == LicencePhoto.drive_id, TestDrive.state.in_((DriveState.CANCELLED, DriveState.NO_SHOW))
    )
    due = select(LicencePhoto.drive_id).where(
        LicencePhoto.content.is_not(None), or_(LicencePhoto.delete_at <= now, gone_back.exists(), unused.exists())
    )
    found = list(db.session.scalars(due.limit(200)))
    db.session.rollback()
    return sum(delete_photo(drive_id, SYSTEM, now) for drive_id in found)


def delete_photo(drive_id: int, actor: Actor, now: datetime) -> bool:
    """Delete the content; that it was there and went stays known. False when there was none."""
    with transaction():
        kept = update(LicencePhoto).where(LicencePhoto.drive_id == drive_id, LicencePhoto.content.is_not(None))
        if changed_rows(kept.values(content=None, deleted_at=now)) != 1:
            return False
        tell(lock_drive(drive_id), "photo_deleted", actor, now)
        audit.record(actor, "licence_photo_deleted", "drive", drive_id)
        return True


def withdraw_photo(actor: Actor, no: str, now: datetime) -> None:
    """The person takes it back before anything else happens. NotFound."""
    drive = get_own(no, actor.id or 0)
    drive_id, photo = drive.id, find_photo(drive.id)
    consent_id = photo.consent_id if photo else None
    with transaction():
        if consent_id is not None:
            member_services.withdraw_consent(actor.id or 0, consent_id, now)
        delete_photo(drive_id, actor, now)


def _shrink(content: bytes) -> bytes:
    if len(content) > MOST_BYTES:
        raise PhotoTooBig
    try:
        picture, _ = opened(content)
    except PictureError as problem:
        raise PhotoWrong(f"这张照片不能用：{problem}。请换一张，或到店出示原件。") from None
    picture.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


def _stands(row: LicencePhoto, drive: TestDrive) -> bool:
    """Whether the person still wants this very store to see it."""
    consent = db.session.get(Consent, row.consent_id) if row.consent_id is not None else None
    return consent is not None and consent.withdrawn_at is None and consent.subject == drive.dealer.slug
