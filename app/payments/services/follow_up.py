"""Asking WeChat Pay what became of an attempt, and closing what nobody may pay any more."""

from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy import update

from app.core import audit
from app.core.db import changed_rows, db, transaction
from app.core.security import SYSTEM
from app.gateways.pay.port import OrderNotFound, OrderPaid, PayGateway, TradeState, Transaction
from app.payments import queries
from app.payments.models import Payment
from app.payments.rules import (
    OPEN,
    PAYMENT_TRANSITIONS,
    PaymentAction,
    PaymentState,
    Verdict,
    look_after_closing,
    next_query,
)
from app.payments.services import sweep
from app.payments.services.settlement import lock_payment, settle_from_query

log = structlog.get_logger(__name__)
_DEAD = (TradeState.CLOSED, TradeState.REVOKED)


class Fate(StrEnum):
    """What an attempt turned out to be."""

    PAID = "paid"
    CLOSED = "closed"
    OPEN = "open"


def ask(payment_id: int, gateway: PayGateway, now: datetime) -> Fate:
    """Ask and settle what is found; an order that is past its time is closed. GatewayError: nobody knows yet."""
    number, expires_at, state = _read(payment_id)
    if state == PaymentState.SUCCEEDED:
        return Fate.PAID
    try:
        found = gateway.query(number)
    except OrderNotFound:
        if state == PaymentState.CLOSED:
            return _look_later(payment_id, now)
        # The call that should have made it never arrived, and past its time it cannot arrive any more.
        return _mark_closed(payment_id, now) if now >= expires_at else _later(payment_id, now)
    if found.state is TradeState.SUCCESS:
        fate = _settle(payment_id, found, now)
        # Money that is not ours to count is flagged; the looks at a closed attempt still come to an end.
        return _look_later(payment_id, now) if state == PaymentState.CLOSED and fate is not Fate.PAID else fate
    if state == PaymentState.CLOSED:
        return _look_later(payment_id, now)
    if found.state in _DEAD:
        return _mark_closed(payment_id, now)
    if now >= expires_at:
        return close(payment_id, gateway, now)
    return _later(payment_id, now)


def close(payment_id: int, gateway: PayGateway, now: datetime) -> Fate:
    """See to it that nobody can pay this attempt; one that was paid meanwhile is settled instead.

    OPEN when WeChat Pay contradicts itself: it refuses to close what its query does not call paid yet.
    """
    number, _, state = _read(payment_id)
    if state not in OPEN:
        return Fate.PAID if state == PaymentState.SUCCEEDED else Fate.CLOSED
    try:
        gateway.close(number)
    except OrderPaid:
        return _settle(payment_id, gateway.query(number), now)
    except OrderNotFound:
        log.info("closed_unknown_order", number=number)
    return _mark_closed(payment_id, now)


def release(payable_kind: str, payable_id: int, gateway: PayGateway, now: datetime) -> Fate:
    """Before something is given back: ask, then close its open attempt. Only CLOSED and PAID are certain."""
    payment = queries.find_open_attempt(payable_kind, payable_id)
    if payment is None:
        return Fate.CLOSED
    return retire(payment.id, gateway, now)


def retire(payment_id: int, gateway: PayGateway, now: datetime) -> Fate:
    """Ask first, then close: nobody may pay this attempt any more, and one that was paid counts."""
    fate = ask(payment_id, gateway, now)
    return close(payment_id, gateway, now) if fate is Fate.OPEN else fate


def follow_up_payments(gateway: PayGateway, now: datetime) -> int:
    """Ask about every attempt whose turn it is: lost notices, killed processes, money after closing.

    One failure does not stop the rest.
    """
    return sweep.each(
        "follow_up_payments",
        _due(now),
        lambda payment_id: _moves(payment_id, gateway, now),
        lambda payment_id: _later(payment_id, now),
    )


def ask_later(payable_kind: str, payable_id: int, now: datetime) -> None:
    """Put the question about this off, so that it comes after those that were not asked yet."""
    payment = queries.find_open_attempt(payable_kind, payable_id)
    if payment is not None:
        put_off(payment.id, now)


def put_off(payment_id: int, now: datetime) -> None:
    """The same for one attempt."""
    _later(payment_id, now)


def _moves(payment_id: int, gateway: PayGateway, now: datetime) -> bool:
    before = _read(payment_id)[2]
    return ask(payment_id, gateway, now) is not (Fate.CLOSED if before == PaymentState.CLOSED else Fate.OPEN)


def _look_later(payment_id: int, now: datetime) -> Fate:
    """A closed attempt without money: the next look, or none any more."""
    with transaction():
        payment = db.session.get_one(Payment, payment_id, populate_existing=True)
        following = look_after_closing(now, payment.closed_at or payment.expires_at)
        changed_rows(
            update(Payment)
            .where(Payment.id == payment_id, Payment.state == PaymentState.CLOSED)
            .values(next_query_at=following)
        )
    return Fate.CLOSED


def _due(now: datetime) -> list[int]:
    due = queries.list_attempts_to_ask(now)
    db.session.rollback()  # no read stays open while the network answers
    return due


def _read(payment_id: int) -> tuple[str, datetime, str]:
    payment = db.session.get_one(Payment, payment_id, populate_existing=True)
    values = payment.out_trade_no, payment.expires_at, payment.state
    db.session.rollback()
    return values


def _settle(payment_id: int, found: Transaction, now: datetime) -> Fate:
    verdict = settle_from_query(found, now)
    if verdict in (Verdict.PAID, Verdict.DUPLICATE):
        return Fate.PAID
    if verdict is Verdict.NOT_PAID and found.state is not TradeState.REFUND:
        return _later(payment_id, now)  # closing said paid, the query not yet: nobody knows, so nothing is released
    return _mark_closed(payment_id, now)  # never credited; flagged in the audit trail for a person to look at


def _mark_closed(payment_id: int, now: datetime) -> Fate:
    with transaction():
        payment = lock_payment(payment_id)
        target = PAYMENT_TRANSITIONS.get((PaymentState(payment.state), PaymentAction.CLOSE))
        if target is None:
            return Fate.PAID if payment.state == PaymentState.SUCCEEDED else Fate.CLOSED
        payment.state, payment.closed_at, payment.client_ip = target, now, None
        payment.next_query_at = look_after_closing(now, now)
        audit.record(SYSTEM, "payment_closed", "payment", payment.id)
    return Fate.CLOSED


def _later(payment_id: int, now: datetime) -> Fate:
    with transaction():
        payment = db.session.get_one(Payment, payment_id, populate_existing=True)
        changed_rows(
            update(Payment)
            .where(Payment.id == payment_id, Payment.state.in_((*OPEN, PaymentState.CLOSED)))
            .values(next_query_at=next_query(now, payment.created_at))
        )
    return Fate.OPEN
