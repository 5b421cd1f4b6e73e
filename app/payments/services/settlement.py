"""Believing money: one path for notices and queries. Lock order: what was paid for, then the payment."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.core import audit
from app.core.db import db, retry_deadlock, transaction
from app.core.security import SYSTEM
from app.gateways.pay.port import PaymentNoticeData, TradeState, Transaction
from app.payments import payables, queries
from app.payments.models import Payment, PaymentNotice
from app.payments.rules import HARMLESS, PAYMENT_TRANSITIONS, Claim, PaymentAction, PaymentState, Verdict, compare

log = structlog.get_logger(__name__)
MAX_KEPT = 64 * 1024  # a real notice has two kilobytes; of a larger one the digest is kept


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
    with transaction():
        row = store_notice(notice.notice_id, notice.event_type, found.out_trade_no, _facts(found), now, received)
        if row is None:
            return Verdict.DUPLICATE
        payment = queries.find_by_number(found.out_trade_no)
        verdict = Verdict.UNKNOWN_ORDER if payment is None else apply_paid(payment.id, found, now)
        row.verdict = verdict
        if verdict not in HARMLESS:
            audit.record(SYSTEM, f"notice_{verdict}", "payment_notice", row.id, number=found.out_trade_no)
    log.info("payment_notice", verdict=verdict, number=found.out_trade_no)
    return verdict


@retry_deadlock
def settle_from_query(found: Transaction, now: datetime) -> Verdict:
    """Act on a signed answer to our own question, by the same path as a notice."""
    with transaction():
        payment = queries.find_by_number(found.out_trade_no)
        verdict = Verdict.UNKNOWN_ORDER if payment is None else apply_paid(payment.id, found, now)
        if verdict not in HARMLESS and payment is not None:
            audit.record(SYSTEM, f"query_{verdict}", "payment", payment.id, number=found.out_trade_no)
    return verdict


def apply_paid(payment_id: int, found: Transaction, now: datetime) -> Verdict:
    """Let this money count, once, if it is really for this attempt. Runs in the caller's transaction."""
    payment = lock_payment(payment_id)
    if found.state is not TradeState.SUCCESS:
        return Verdict.NOT_PAID
    ours = Claim(payment.app_id, payment.mch_id, payment.out_trade_no, payment.amount_fen, payment.currency)
    theirs = Claim(found.app_id, found.mch_id, found.out_trade_no, found.total_fen, found.currency)
    mismatch = compare(ours, theirs)
    if mismatch is not None:
        return mismatch
    target = PAYMENT_TRANSITIONS.get((PaymentState(payment.state), PaymentAction.PAY))
    if target is None:
        return Verdict.DUPLICATE if payment.transaction_id == found.transaction_id else Verdict.OTHER_TRANSACTION
    before, payment.state = payment.state, target
    payment.transaction_id, payment.succeeded_at, payment.next_query_at = found.transaction_id, now, None
    payment.paid_at, payment.client_ip = found.success_at, None
    db.session.flush()
    audit.record(SYSTEM, "payment_succeeded", "payment", payment.id, before=before, amount_fen=payment.amount_fen)
    payables.of(payment.payable_kind).on_paid(payment, now)
    return Verdict.PAID


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
) -> PaymentNotice | None:
    """Keep the evidence; None when this very notice was kept before."""
    row = PaymentNotice(
        notice_id=notice_id[:64], kind=kind[:32], number=number[:64], verdict="", facts=facts, received_at=now
    )
    if received is not None:
        row.body_sha256 = hashlib.sha256(received.body.encode()).hexdigest()
        row.signed = {**received.signed}
        row.body = received.body if len(received.body) <= MAX_KEPT else None
    try:
        with db.session.begin_nested():
            db.session.add(row)
    except IntegrityError:
        return None
    return row


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
