"""What went wrong at the counter: typed tries are limited, refusals are kept by their reason."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from app.core.audit import AuditEntry
from app.core.db import changed_rows, db, transaction
from app.core.security import Actor
from app.redemption.errors import TooManyTries
from app.redemption.models import FailedScan
from app.redemption.rules import TYPED_TRIES, TYPED_WINDOW
from app.staff.models import StaffMember

TRY = "scan_typed"
FAILURES_KEPT = timedelta(days=90)


def count_try(actor: Actor, now: datetime) -> None:
    """Count typed tries in the database, one after the other for each person. TooManyTries."""
    with transaction():
        db.session.execute(select(StaffMember.id).where(StaffMember.id == actor.id).with_for_update())
        tries = db.session.scalar(
            select(func.count()).where(
                AuditEntry.subject_kind == "scan",
                AuditEntry.subject_id == actor.id,
                AuditEntry.action == TRY,
                AuditEntry.at > now - TYPED_WINDOW,
            )
        )
        if (tries or 0) >= TYPED_TRIES:
            raise TooManyTries
        db.session.add(
            AuditEntry(
                at=now, actor_kind=actor.kind, actor_id=actor.id, action=TRY,
                subject_kind="scan", subject_id=actor.id, detail={},
            )
        )  # fmt: skip


def keep_failure(actor: Actor, step: str, reason: str, now: datetime, phone_id: int | None) -> None:
    """Remember that something was refused and why; not what was scanned."""
    with transaction() as session:
        session.add(
            FailedScan(
                dealer_id=actor.dealer_id, staff_id=actor.id, phone_id=phone_id, step=step, reason=reason[:32], at=now
            )
        )


def purge_failures(now: datetime) -> int:
    """Forget refusals that are older than a season: they are looked at by the day, and name a clerk."""
    with transaction():
        return changed_rows(delete(FailedScan).where(FailedScan.at < now - FAILURES_KEPT))
