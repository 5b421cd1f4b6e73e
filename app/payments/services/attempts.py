"""Beginning to pay: the number is written before WeChat Pay is called; two taps find the same number."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update

from app.core import ids
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.gateways.pay.port import JsapiOrder, OrderClosed, OrderPaid, PayGateway, PrepayId
from app.payments import payables, queries
from app.payments.errors import AlreadyPaid, HoldTooShort
from app.payments.models import Payment
from app.payments.rules import OPEN, PREPAY_LIFE, PaymentState, may_begin, next_query
from app.payments.services import follow_up


@dataclass(frozen=True, slots=True)
class PayRequest:
    """What is to be paid, by whom, until when. The amount is not here: the payable says it."""

    payable_kind: str
    payable_id: int
    member_id: int
    openid: str
    app_id: str
    mch_id: str
    description: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt as it stood when it was read; safe outside the transaction."""

    id: int
    order: JsapiOrder
    prepay_id: PrepayId | None


def open_payment(request: PayRequest, gateway: PayGateway, now: datetime) -> Attempt:
    """The one open attempt with a prepay id, made now if there is none. A second tap gets the same number.

    NothingDue, HoldTooShort, AlreadyPaid; GatewayError leaves the attempt open, so the next try repeats the same order.
    """
    attempt = _begin(request, now)
    if attempt.prepay_id is not None:
        return attempt
    try:
        prepay_id = gateway.create_jsapi(attempt.order)
    except OrderPaid:
        follow_up.ask(attempt.id, gateway, now)
        raise AlreadyPaid from None
    except OrderClosed:
        # Its time ran out at WeChat Pay, or another process closed it: that number is dead, a new one may do.
        follow_up.ask(attempt.id, gateway, now)
        attempt = _begin(request, now)
        prepay_id = gateway.create_jsapi(attempt.order)
    return _record_prepay(attempt, prepay_id, now)


@retry_deadlock
def _begin(request: PayRequest, now: datetime) -> Attempt:
    with transaction(durable=True):
        payable = payables.of(request.payable_kind)
        payable.lock(request.payable_id)
        amount_fen = payable.amount_due(request.payable_id, now)
        payment = queries.find_open_attempt(request.payable_kind, request.payable_id)
        if payment is None:
            if not may_begin(now, request.expires_at):
                raise HoldTooShort
            payment = Payment(
                out_trade_no=ids.number("P", now),
                payable_kind=request.payable_kind,
                payable_id=request.payable_id,
                member_id=request.member_id,
                app_id=request.app_id,
                mch_id=request.mch_id,
                openid=request.openid,
                description=request.description[:127],
                amount_fen=amount_fen,
                currency="CNY",
                channel="jsapi",
                state=PaymentState.CREATED,
                expires_at=request.expires_at,
                created_at=now,
                next_query_at=next_query(now, now),
            )
            db.session.add(payment)
            db.session.flush()
        return _attempt(payment, now)


def _record_prepay(attempt: Attempt, prepay_id: PrepayId, now: datetime) -> Attempt:
    with transaction():
        changed = changed_rows(
            update(Payment)
            .where(Payment.id == attempt.id, Payment.state.in_(OPEN))
            .values(prepay_id=prepay_id, prepay_at=now, state=PaymentState.PENDING)
        )
    if changed != 1:
        raise AlreadyPaid  # settled or closed while WeChat Pay answered
    return Attempt(attempt.id, attempt.order, prepay_id)


def living_prepay(payment: Payment, now: datetime) -> PrepayId | None:
    """The prepay id of an attempt while WeChat Pay takes it."""
    if not payment.prepay_id or payment.prepay_at is None or now - payment.prepay_at >= PREPAY_LIFE:
        return None
    return PrepayId(payment.prepay_id)


def _attempt(payment: Payment, now: datetime) -> Attempt:
    return Attempt(
        payment.id,
        # From the row, so that every call for this number carries the same values.
        JsapiOrder(payment.out_trade_no, payment.description, payment.amount_fen, payment.openid, payment.expires_at),
        living_prepay(payment, now),
    )
