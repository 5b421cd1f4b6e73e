"""Giving money back: the row first, the call after the commit, always with the same number."""

from datetime import datetime, timedelta

from sqlalchemy import select

from app.core import audit, ids, outbox
from app.core.db import db, retry_deadlock, transaction
from app.core.security import SYSTEM
from app.gateways.pay import port
from app.gateways.pay.port import OrderNotFound, PayGateway, RefundNoticeData, RefundRequest
from app.payments import payables, queries
from app.payments.errors import RefundTooLarge
from app.payments.models import Payment, Refund
from app.payments.rules import (
    FROM_PROVIDER,
    HARMLESS,
    REFUND_OPEN,
    REFUND_STUCK,
    REFUND_TRANSITIONS,
    RefundState,
    Verdict,
    next_refund_query,
)
from app.payments.services import sweep
from app.payments.services.settlement import Received, judge, lock_payment, store_notice

TOPIC = "refund"
FIRST_QUESTION = timedelta(seconds=60)


def request_refund(payment: Payment, amount_fen: int, reason_code: str, reason: str, now: datetime) -> Refund:
    """Decide to give back; once for each payment and reason. Runs in the caller's transaction, payment locked."""
    known = db.session.scalar(select(Refund).where(Refund.payment_id == payment.id, Refund.reason_code == reason_code))
    if known is not None:
        return known
    if queries.refunded_fen(payment.id) + amount_fen > payment.amount_fen:
        raise RefundTooLarge
    refund = Refund(
        out_refund_no=ids.number("R", now),
        payment_id=payment.id,
        amount_fen=amount_fen,
        reason_code=reason_code,
        reason=reason,
        state=RefundState.REQUESTED,
        requested_at=now,
        next_query_at=now + FIRST_QUESTION,
    )
    db.session.add(refund)
    db.session.flush()
    audit.record(SYSTEM, "refund_requested", "refund", refund.id, amount_fen=amount_fen, reason=reason_code)
    outbox.add(TOPIC, f"refund:{refund.out_refund_no}", {"refund_id": refund.id})
    return refund


def send_refund(refund_id: int, gateway: PayGateway, now: datetime) -> None:
    """Ask WeChat Pay to give it back. Safe to repeat: the number makes it one refund."""
    refund = db.session.get_one(Refund, refund_id, populate_existing=True)
    payment = db.session.get_one(Payment, refund.payment_id, populate_existing=True)
    wanted = RefundRequest(
        payment.out_trade_no, refund.out_refund_no, refund.amount_fen, payment.amount_fen, refund.reason
    )
    open_ = refund.state in REFUND_OPEN
    db.session.rollback()
    if open_:
        record_refund(gateway.refund(wanted), now)


@retry_deadlock
def record_refund(found: port.RefundState, now: datetime) -> Verdict:
    """Take over what WeChat Pay says about a refund, forwards only."""
    with transaction():
        verdict = _apply(found, None, now)
        if verdict not in HARMLESS:
            audit.record(SYSTEM, f"refund_{verdict}", "refund", None, number=found.out_refund_no)
        return verdict


@retry_deadlock
def accept_refund_notice(notice: RefundNoticeData, now: datetime, received: Received | None = None) -> Verdict:
    """Store the notice and act on it, in one transaction."""
    found = notice.refund
    facts: dict[str, object] = {
        "mch_id": notice.mch_id,
        "refund_id": found.refund_id,
        "out_trade_no": found.out_trade_no,
        "status": found.status.value,
        "refund_fen": found.refund_fen,
        "total_fen": found.total_fen,
    }
    with transaction():
        row_id = store_notice(notice.notice_id, notice.event_type, found.out_refund_no, facts, now, received)
        if row_id is None:
            return Verdict.DUPLICATE
        verdict = _apply(found, notice.mch_id, now)
        judge(row_id, verdict)
        if verdict not in HARMLESS:
            audit.record(SYSTEM, f"notice_{verdict}", "payment_notice", row_id, number=found.out_refund_no)
    return verdict


def follow_up_refunds(gateway: PayGateway, now: datetime) -> int:
    """Ask about refunds that are not finished; one WeChat Pay never heard of is sent again with its number."""
    due = queries.list_refunds_to_ask(now)
    db.session.rollback()
    return sweep.each(
        "follow_up_refunds",
        due,
        lambda refund_id: _ask(refund_id, gateway, now),
        lambda refund_id: _later(refund_id, now),
    )


def ask_refund(out_refund_no: str, gateway: PayGateway, now: datetime) -> Verdict:
    """Ask about one refund and take over what is found. OrderNotFound, GatewayError."""
    return record_refund(gateway.query_refund(out_refund_no), now)


def _ask(refund_id: int, gateway: PayGateway, now: datetime) -> bool:
    refund = db.session.get_one(Refund, refund_id, populate_existing=True)
    number, before = refund.out_refund_no, refund.state
    db.session.rollback()
    try:
        record_refund(gateway.query_refund(number), now)
    except OrderNotFound:
        send_refund(refund_id, gateway, now)
    return _later(refund_id, now) != before


def _later(refund_id: int, now: datetime) -> str:
    with transaction():
        refund = db.session.get_one(Refund, refund_id, populate_existing=True)
        refund.next_query_at = next_refund_query(now, refund.requested_at, refund.state)
        return refund.state


def _apply(found: port.RefundState, mch_id: str | None, now: datetime) -> Verdict:
    unlocked = db.session.scalar(select(Refund).where(Refund.out_refund_no == found.out_refund_no))
    if unlocked is None:
        return Verdict.UNKNOWN_ORDER
    payment = lock_payment(unlocked.payment_id)
    refund = db.session.get_one(Refund, unlocked.id, populate_existing=True)
    if found.out_trade_no != payment.out_trade_no:
        return Verdict.OTHER_TRANSACTION
    if mch_id is not None and mch_id != payment.mch_id:
        return Verdict.WRONG_MERCHANT
    if (found.refund_fen, found.total_fen) != (refund.amount_fen, payment.amount_fen):
        return Verdict.WRONG_AMOUNT
    before, target = RefundState(refund.state), FROM_PROVIDER[found.status.value]
    if target not in REFUND_TRANSITIONS[before]:
        return Verdict.DUPLICATE
    refund.state, refund.refund_id = target, found.refund_id
    refund.accepted_at = refund.accepted_at or now
    if target not in REFUND_OPEN:
        refund.settled_at, refund.next_query_at = now, next_refund_query(now, refund.requested_at, target)
    db.session.flush()
    audit.record(SYSTEM, f"refund_{target}", "refund", refund.id, before=before)
    if refund.handled_at is not None:  # what it was for is over and was told; a person compares the two
        audit.record(SYSTEM, f"handled_refund_{target}", "refund", refund.id)
    elif target is RefundState.SUCCEEDED:
        payables.of(payment.payable_kind).on_refunded(payment, refund, now)
    elif target in REFUND_STUCK and before in REFUND_OPEN:
        payables.of(payment.payable_kind).on_refund_stuck(payment, refund, now)
    return Verdict.REFUND_RECORDED
