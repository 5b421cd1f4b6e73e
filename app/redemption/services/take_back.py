"""Undo: the customer has again what they had; the record stays."""

from datetime import datetime

from sqlalchemy import update

from app.core import audit
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.redemption.errors import CannotUndo, ReasonMissing
from app.redemption.models import Redemption
from app.redemption.rules import SUPERVISORS, may_undo, may_undo_late, needs_reason
from app.redemption.services.registry import BY_KIND
from app.redemption.services.tickets import dealer_of

TOO_OLD = "已超过 10 分钟，门店不能再撤销。请联系总部核实：券在 30 天内仍可由总部撤销。"
CAR_TOO_OLD = "已超过 10 分钟，交车不能再撤销。请联系总部核实处理。"
ALREADY = "这次核销已经撤销过了，请刷新查看。"
NOT_HERE = "只有券的核销可以由总部撤销，并且在核销后 30 天内、还没有撤销过。"
MIN_REASON = 4


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
            words = ALREADY if undone else CAR_TOO_OLD if row.subject_kind == "booking" else TOO_OLD
            raise CannotUndo(words) if actor.role in SUPERVISORS else CannotUndo
        if needs_reason(own=own, redeemed_at=row.redeemed_at, now=now) and not reason.strip():
            raise ReasonMissing
        _take(row, actor, actor.id, reason, now, own=own)


@retry_deadlock
def undo_late(operator: Actor, redemption_id: int, reason: str, now: datetime) -> None:
    """Take a coupon's redemption back when the store may not any more: a mistake found late costs no customer.

    The customer has the coupon again with the time that passed; the ledger gets its row in the store's chain, on the
    day of the undo. NotAllowed, NotFound, CannotUndo, ReasonMissing.
    """
    if operator.kind != "operator":
        raise NotAllowed
    reason = " ".join(reason.split())
    with transaction():
        row = db.session.get(Redemption, redemption_id, populate_existing=True)
        if row is None:
            raise NotFound
        undone = row.undone_at is not None
        if not may_undo_late(kind=row.subject_kind, redeemed_at=row.redeemed_at, undone=undone, now=now):
            raise CannotUndo(NOT_HERE)
        if len(reason) < MIN_REASON:
            raise ReasonMissing("请填写撤销原因，至少 4 个字。")
        _take(row, operator, None, reason, now, own=False)


def _take(row: Redemption, actor: Actor, staff_id: int | None, reason: str, now: datetime, *, own: bool) -> None:
    """`staff_id`: who of the store; None stands for headquarters, and the trail says who there."""
    redemption_id, subject_id, before = row.id, row.subject_id, row.previous_state
    subject = BY_KIND[row.subject_kind]
    audit.record(actor, "redemption_undone", "redemption", redemption_id, own=own)
    subject.lock(subject_id)
    taken = update(Redemption).where(Redemption.id == redemption_id, Redemption.undone_at.is_(None))
    if changed_rows(taken.values(undone_at=now, undone_by=staff_id, undo_reason=reason.strip()[:120])) != 1:
        raise CannotUndo
    subject.take_back(subject_id, before, actor, now)
