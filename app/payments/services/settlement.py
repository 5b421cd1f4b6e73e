"""Believing money: one path for notices and queries. Lock order: what was paid for, then the payment."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import bindparam, select, update

from app.core import audit
from app.core.db import (
    db,
    execute,
    forget,
    insert_new,
    locks_rows,
    retry_deadlock,
    table_of,
    transaction,
)
from app.core.security import SYSTEM
from app.gateways.pay.port import PaymentNoticeData, TradeState, Transaction
from app.payments import payables
from app.payments.models import Payment, PaymentNotice
from app.payments.payables import Attempt
from app.payments.rules import HARMLESS, PAYMENT_TRANSITIONS, Claim, PaymentAction, PaymentState, Verdict, compare

log = structlog.get_logger(__name__)
MAX_KEPT = 64 * 1024  # a real notice has two kilobytes; of a larger one the digest is kept

# A burst of notices is the shop's hardest minute, so their statements are prepared once and pass the session by.
_payments, _notices = table_of(Payment).c, table_of(PaymentNotice).c
_READ = select(*(_payments[name] for name in Attempt._fields)).where(_payments.out_trade_no == bindparam("number"))
_READ_LOCKED = _READ.with_for_update()
_SUCCEED = (
    update(table_of(Payment))
    .where(_payments.id == bindparam("payment_id"), _payments.state == bindparam("before"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "transaction_id", "succeeded_at", "paid_at")})
    .values(next_query_at=None, client_ip=None)
)
_JUDGE = update(table_of(PaymentNotice)).where(_notices.id == bindparam("notice")).values(verdict=bindparam("found"))


@dataclass(frozen=True, slots=True)
class Received:
    """A notice's request as it came: bytes and signature headers, kept as evidence."""

    body: str = field(repr=False)
    signed: dict[str, str] = field(repr=False)


@retry_deadlock
def accept_notice(notice: PaymentNoticeData, now: datetime, received: Received | None = None) -> Verdict:
    """Store what WeChat Pay told us and act on it, in one transaction; idempotent by notice and by payment.

    A mismatch is stored and flagged, never raised: raising would undo the evidence.
    """
    found = notice.transaction
    facts = _facts(found)
    with transaction():
        # Stored as the usual case, so that only another verdict costs a second statement.
        row_id = store_notice(
            notice.notice_id, notice.event_type, found.out_trade_no, facts, now, received, Verdict.PAID
        )
        if row_id is None:
            return Verdict.DUPLICATE
        verdict = apply_paid(found, now)
        if verdict is not Verdict.PAID:
            judge(row_id, verdict)
        if verdict not in HARMLESS:
            audit.record(SYSTEM, f"notice_{verdict}", "payment_notice", row_id, number=found.out_trade_no)
    if verdict is not Verdict.PAID:  # that is a row of its own and two lines of the trail already
        log.info("payment_notice", verdict=verdict, number=found.out_trade_no)
    return verdict


@retry_deadlock
def settle_from_query(found: Transaction, now: datetime) -> Verdict:
    """Act on a signed answer to our own question, by the same path as a notice."""
    with transaction():
        verdict = apply_paid(found, now)
        if verdict not in HARMLESS and (attempt := _read(found.out_trade_no)) is not None:
            audit.record(SYSTEM, f"query_{verdict}", "payment", attempt.id, number=found.out_trade_no)
    return verdict


def apply_paid(found: Transaction, now: datetime) -> Verdict:
    """Let this money count, once, if it is really for this attempt. Runs in the caller's transaction."""
    attempt = _lock(found.out_trade_no)
    if attempt is None:
        return Verdict.UNKNOWN_ORDER
    if found.state is not TradeState.SUCCESS:
        return Verdict.NOT_PAID
    ours = Claim(attempt.app_id, attempt.mch_id, attempt.out_trade_no, attempt.amount_fen, attempt.currency)
    theirs = Claim(found.app_id, found.mch_id, found.out_trade_no, found.total_fen, found.currency)
    mismatch = compare(ours, theirs)
    if mismatch is not None:
        return mismatch
    target = PAYMENT_TRANSITIONS.get((PaymentState(attempt.state), PaymentAction.PAY))
    if target is None or not _succeed(attempt, target, found, now):
        return Verdict.DUPLICATE if attempt.transaction_id == found.transaction_id else Verdict.OTHER_TRANSACTION
    audit.record(
        SYSTEM, "payment_succeeded", "payment", attempt.id, before=attempt.state, amount_fen=attempt.amount_fen
    )
    payables.of(attempt.payable_kind).on_paid(attempt, now)
    return Verdict.PAID


def _lock(number: str) -> Attempt | None:
    """The attempt with this number, read after what it pays for and it itself are locked."""
    attempt = _read(number)
    if attempt is None or not locks_rows():
        return attempt
    payables.of(attempt.payable_kind).lock(attempt.payable_id)
    return Attempt(*execute(_READ_LOCKED, {"number": number}).one())


def _read(number: str) -> Attempt | None:
    row = execute(_READ, {"number": number}).first()
    return Attempt(*row) if row is not None else None


def _succeed(attempt: Attempt, target: PaymentState, found: Transaction, now: datetime) -> bool:
    values = {
        "payment_id": attempt.id,
        "before": attempt.state,
        "new_state": target,
        "new_transaction_id": found.transaction_id,
        "new_succeeded_at": now,
        "new_paid_at": found.success_at,
    }
    forget(Payment, attempt.id)
    return execute(_SUCCEED, values).rowcount == 1


def lock_payment(payment_id: int) -> Payment:
    """The attempt, read again after what it pays for and it itself are locked."""
    unlocked = db.session.get_one(Payment, payment_id)
    payables.of(unlocked.payable_kind).lock(unlocked.payable_id)
    return db.session.scalars(
        select(Payment).where(Payment.id == payment_id).with_for_update().execution_options(populate_existing=True)
    ).one()


def store_notice(
    notice_id: str,
    kind: str,
    number: str,
    facts: dict[str, object],
    now: datetime,
    received: Received | None = None,
    verdict: str = "",
) -> int | None:
    """Keep the evidence and return its row's id; None when this very notice was kept before."""
    row: dict[str, object] = {
        "notice_id": notice_id[:64],
        "kind": kind[:32],
        "number": number[:64],
        "verdict": verdict,
        "facts": facts,
        "received_at": now,
    }
    if received is not None:
        row["body_sha256"] = hashlib.sha256(received.body.encode()).hexdigest()
        row["signed"] = received.signed
        row["body"] = received.body if len(received.body) <= MAX_KEPT else None
    return insert_new(PaymentNotice, "notice_id", row)


def judge(notice_id: int, verdict: Verdict) -> None:
    """Say what was made of a stored notice."""
    execute(_JUDGE, {"notice": notice_id, "found": verdict})


def _facts(found: Transaction) -> dict[str, object]:
    """What is worth keeping of a transaction; the payer's openid is not."""
    return {
        "app_id": found.app_id,
        "mch_id": found.mch_id,
        "state": found.state.value,
        "transaction_id": found.transaction_id,
        "total_fen": found.total_fen,
        "currency": found.currency,
        "success_at": found.success_at.isoformat() if found.success_at else None,
    }
