"""试驾协议 signed: by hand on a screen or by typing the name, for exactly the words that were read."""

from collections.abc import Sequence
from datetime import datetime

from app.core import audit
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.drives.errors import AgreementChanged, NotArrived, SignatureMissing
from app.drives.models import AgreementText, DriveSignature
from app.drives.queries.desk import get_of_store
from app.drives.queries.own import find_signature, get_own
from app.drives.rules import AGREEMENT, AGREEMENT_VERSION, DriveState, agreement_digest, is_drawing
from app.drives.rules.sealing import seal_drawing
from app.drives.services.taking import first, lock_drive
from app.drives.services.telling import tell


@retry_deadlock
def sign(
    actor: Actor, no: str, typed_name: str, drawing: str, digest: str, now: datetime, *, keys: Sequence[str] = ()
) -> None:
    """Sign after the check-in, once: on one's own phone, or on the store's with the clerk beside.

    A drawing is kept sealed where the shop has keys for licence photos.

    NotFound, NotArrived, AgreementChanged, SignatureMissing.
    """
    known = get_own(no, actor.id or 0) if actor.kind == "member" else get_of_store(no, actor.dealer_id or 0)
    drive_id = known.id
    name, drawn = typed_name.strip()[:40], drawing if is_drawing(drawing) else ""
    if not name and not drawn:
        raise SignatureMissing
    if digest != agreement_digest():
        raise AgreementChanged
    with transaction() as session:
        drive = lock_drive(drive_id)
        owns = drive.member_id == actor.id if actor.kind == "member" else drive.dealer_id == actor.dealer_id
        if not owns:
            raise NotFound
        if find_signature(drive_id) is not None:
            return
        if drive.state != DriveState.ARRIVED:
            raise NotArrived
        first(AgreementText(digest=digest, version=AGREEMENT_VERSION, text=AGREEMENT))
        row = DriveSignature(
            drive_id=drive_id,
            digest=digest,
            typed_name=name,
            drawing=seal_drawing(drawn, keys),
            by_kind=actor.kind,
            signed_at=now,
        )
        session.add(row)
        db.session.flush()
        tell(drive, "signed", actor, now)
        audit.record(actor, "drive_signed", "drive", drive_id, version=AGREEMENT_VERSION, digest=digest)
