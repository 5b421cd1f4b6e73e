"""Headquarters decide on what stores hand in: publish it, now or at its time, or send it back with a reason.

Lock order: submission → car → store. The rules are asked again with everything locked.
"""

from datetime import datetime

from sqlalchemy import select, update

from app.catalog.models import Trim
from app.catalog.pricing import PriceKind
from app.catalog.services.prices import NewPrice, record_prices
from app.core import audit, publishing
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotAllowed
from app.core.security import SYSTEM, Actor
from app.dealers.errors import (
    AlreadyDecided,
    ChangedSinceSeen,
    ReviewReasonMissing,
    RulesBroken,
    SubmissionNotFound,
)
from app.dealers.facts import Kind, State, clean_line
from app.dealers.models import Dealer, DealerActivity, PromoPrice, Submission
from app.dealers.queries import submissions as read

MIN_REASON, MAX_REASON = 4, 200


@retry_deadlock
def approve(actor: Actor, no: str, seen: str, now: datetime) -> None:
    """Publish a submission, facts and activities at the time it asks for.

    `seen` is the mark of the comparison that was read. SubmissionNotFound, AlreadyDecided, ChangedSinceSeen,
    RulesBroken with the rules' names.
    """
    with transaction():
        row = _lock(actor, no)
        if row.state != State.WAITING:
            raise AlreadyDecided
        _lock_what_it_changes(row)
        diff = read.diff_of(row, now)
        if diff.seen != seen:
            raise ChangedSinceSeen
        if diff.breaches:
            raise RulesBroken("不能发布：" + "".join(diff.breaches))
        row.state, row.decided_by, row.decided_at = State.APPROVED, actor.id, now
        audit.record(actor, "submission_approved", "submission", row.id, kind=row.kind, dealer_id=row.dealer_id)
        _apply(actor, row, now)


@retry_deadlock
def send_back(actor: Actor, no: str, reason: str, now: datetime) -> None:
    """Return a submission to its store, also facts that are approved and still wait for their time.

    SubmissionNotFound, AlreadyDecided, ReviewReasonMissing.
    """
    reason = _reason(reason)
    with transaction():
        row = _lock(actor, no)
        unpublished = row.state == State.APPROVED and row.applied_at is None
        if row.state != State.WAITING and not unpublished:
            raise AlreadyDecided
        row.state, row.reason, row.decided_by, row.decided_at = State.RETURNED, reason, actor.id, now
        audit.record(actor, "submission_returned", "submission", row.id, reason=reason)


@retry_deadlock
def take_down(actor: Actor, kind: Kind, target_id: int, reason: str, now: datetime) -> bool:
    """End a published activity or price at once. False when it was over already. ReviewReasonMissing."""
    if actor.kind != "operator":
        raise NotAllowed
    reason = _reason(reason)
    model = DealerActivity if kind == Kind.ACTIVITY else PromoPrice
    with transaction() as session:
        target = session.scalar(select(model).where(model.id == target_id).with_for_update())
        if target is None:
            raise SubmissionNotFound
        if not _end(actor, target, now, now):
            return False
        audit.record(
            actor, f"{kind.value}_taken_down", kind.value, target_id, reason=reason, dealer_id=target.dealer_id
        )
        publishing.bump()
        return True


def publish_due(now: datetime) -> int:
    """Write approved facts whose time has come, in the order of their times; how many. For the worker."""
    due = (
        select(Submission.id)
        .where(Submission.state == State.APPROVED, Submission.applied_at.is_(None), Submission.publish_at <= now)
        .order_by(Submission.publish_at, Submission.id)
        .limit(100)
    )
    ids = list(db.session.scalars(due))
    db.session.rollback()
    done = 0
    for submission_id in ids:
        with transaction() as session:
            wanted = select(Submission).where(Submission.id == submission_id).with_for_update()
            row = session.scalar(wanted.execution_options(populate_existing=True))
            if row is not None and row.state == State.APPROVED and row.applied_at is None:
                _apply(SYSTEM, row, now)
                done += 1
    return done


def _lock(actor: Actor, no: str) -> Submission:
    if actor.kind != "operator":
        raise NotAllowed
    wanted = select(Submission).where(Submission.no == no).with_for_update()
    row = db.session.scalar(wanted.execution_options(populate_existing=True))
    if row is None:
        raise SubmissionNotFound
    return row


def _lock_what_it_changes(row: Submission) -> None:
    """The car of a price (a guide price changes under the same lock), then the store."""
    if row.kind == Kind.PROMO:
        trim_id = row.content.get("trim_id") or row.before.get("trim_id")
        db.session.scalar(
            select(Trim).where(Trim.id == trim_id).with_for_update().execution_options(populate_existing=True)
        )
    wanted = select(Dealer).where(Dealer.id == row.dealer_id).with_for_update()
    db.session.scalar(wanted.execution_options(populate_existing=True))


def _apply(actor: Actor, row: Submission, now: datetime) -> None:
    """Write what was approved where everybody reads it; facts that are for later wait for the worker."""
    if row.kind == Kind.FACTS:
        if row.publish_at is not None and row.publish_at > now:
            return
        _write_facts(actor, row, now)
    elif row.content.get("end"):
        _end_target(actor, row, max(row.publish_at or now, now), now)
    elif row.kind == Kind.ACTIVITY:
        _add_activity(actor, row, now)
    else:
        _add_promo(actor, row, now)
    row.applied_at = now
    publishing.bump()


def _write_facts(actor: Actor, row: Submission, now: datetime) -> None:
    before = {name: value for name, value in read.facts_of(row.dealer).items() if name in row.content}
    changed_rows(update(Dealer).where(Dealer.id == row.dealer_id).values(**row.content, updated_at=now))
    db.session.expire(row.dealer)
    audit.record(actor, "dealer_facts_published", "dealer", row.dealer_id, before=before, after=row.content)


def _add_activity(actor: Actor, row: Submission, now: datetime) -> None:
    shown_from, window = max(row.publish_at or now, now), read.window_of(row.content)
    if row.target_id:
        _end_target(actor, row, shown_from, now)
    words = {name: row.content[name] for name in ("title", "text", "picture_id")}
    db.session.add(
        DealerActivity(
            dealer_id=row.dealer_id, submission_id=row.id, **words, starts_at=window.starts_at, ends_at=window.ends_at,
            shown_from=shown_from,
        )
    )  # fmt: skip


def _add_promo(actor: Actor, row: Submission, now: datetime) -> None:
    window = read.window_from(row.content, now)
    if row.target_id:
        _end_target(actor, row, window.starts_at, now)
    words = {name: row.content[name] for name in ("trim_id", "fen", "conditions", "reason")}
    promo = PromoPrice(
        dealer_id=row.dealer_id, submission_id=row.id, **words, starts_at=window.starts_at, ends_at=window.ends_at
    )
    db.session.add(promo)
    db.session.flush()
    _record(actor, promo, promo.ends_at, now)


def _end_target(actor: Actor, row: Submission, moment: datetime, now: datetime) -> None:
    target = read.find_target(row.kind, row.target_id or 0, row.dealer_id)
    if target is not None:
        _end(actor, target, moment, now)


def _end(actor: Actor, target: DealerActivity | PromoPrice, moment: datetime, now: datetime) -> bool:
    """Let something end at a moment before its time; an earlier end that was set stays."""
    over = min(target.ends_at, target.ended_at or target.ends_at)
    if over <= moment:
        return False
    target.ended_at = moment
    if isinstance(target, PromoPrice):
        _record(actor, target, moment, now)
    return True


def _record(actor: Actor, promo: PromoPrice, ends_at: datetime, now: datetime) -> None:
    """The price ledger hears of every price and of every end that moves."""
    price = NewPrice(promo.trim_id, PriceKind.PROMO, promo.fen, promo.starts_at, ends_at, f"promo-{promo.id}")
    record_prices([price], now, source="office", actor=actor)


def _reason(text: str) -> str:
    reason = clean_line(text)[:MAX_REASON]
    if len(reason) < MIN_REASON:
        raise ReviewReasonMissing
    return reason
