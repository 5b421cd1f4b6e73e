"""Undo: the customer has again what they had; the record stays."""

from datetime import datetime

from sqlalchemy import update

from app.core import audit
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.redemption.errors import CannotUndo, ReasonMissing
from app.redemption.models import Redemption
from app.redemption.rules import SUPERVISORS, may_undo, needs_reason
from app.redemption.services.registry import BY_KIND
from app.redemption.services.tickets import dealer_of

TOO_OLD = "已超过 10 分钟，或已经撤销，不能再撤销。请联系总部处理。"


@retry_deadlock
def undo(actor: Actor, redemption_id: int, reason: str, now: datetime) -> None:
    """Take a redemption back, once. CannotUndo, ReasonMissing, NotFound."""
    dealer_id = dealer_of(actor)
    with transaction():
        row = db.session.get(Redemption, redemption_id, populate_existing=True)
        if row is None or row.dealer_id != dealer_id:
            raise NotFound
        own, undone = row.staff_id == actor.id, row.undone_at is not None
        if not may_undo(
            role=actor.role, own=own, same_dealer=True, redeemed_at=row.redeemed_at, undone=undone, now=now
        ):
            raise CannotUndo(TOO_OLD) if actor.role in SUPERVISORS else CannotUndo
        if needs_reason(own=own, redeemed_at=row.redeemed_at, now=now) and not reason.strip():
            raise ReasonMissing
        subject, subject_id, before = BY_KIND[row.subject_kind], row.subject_id, row.previous_state
        audit.record(actor, "redemption_undone", "redemption", redemption_id, own=own)
        subject.lock(subject_id)
        taken = update(Redemption).where(Redemption.id == redemption_id, Redemption.undone_at.is_(None))
        if changed_rows(taken.values(undone_at=now, undone_by=actor.id, undo_reason=reason.strip()[:120])) != 1:
            raise CannotUndo
        subject.take_back(subject_id, before, actor, now)
