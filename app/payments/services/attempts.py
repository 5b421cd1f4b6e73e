"""Beginning to pay: the number is written before WeChat Pay is called; two taps find the same number."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import update

from app.core import ids
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.gateways.pay.port import (
    H5Order,
    JsapiOrder,
    Method,
    NativeOrder,
    Order,
    OrderClosed,
    OrderPaid,
    PayGateway,
    PrepayId,
)
from app.members.services import hold_member
from app.payments import payables, queries
from app.payments.errors import AlreadyPaid, HoldTooShort, PaymentBusy
from app.payments.models import Payment
from app.payments.rules import OPEN, TICKET_LIFE, PaymentState, may_begin, next_query
from app.payments.services import follow_up

UNKNOWN_IP = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class PayRequest:
    """What is to be paid, by whom, until when. The amount is not here: the payable says it.

    `kept_until` says when the thing itself may be gone before that: no new attempt in its last minute.
    """

    payable_kind: str
    payable_id: int
    member_id: int
    openid: str
    app_id: str
    mch_id: str
    description: str
    expires_at: datetime
    method: Method = Method.JSAPI
    client_ip: str = field(default="", repr=False)
    kept_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt as it stood when it was read; safe outside the transaction."""

    id: int
    method: Method
    order: Order
    ticket: str | None  # prepay id, h5_url or code_url while WeChat Pay takes it

    @property
    def prepay_id(self) -> PrepayId | None:
        return PrepayId(self.ticket) if self.ticket and self.method is Method.JSAPI else None


def open_payment(request: PayRequest, gateway: PayGateway, now: datetime) -> Attempt:
    """The one open attempt with what its cashier needs, made now if there is none. A second tap gets the same number.

    Another method than before closes the former attempt first: a number belongs to one way of paying for ever.
    NothingDue, HoldTooShort, AlreadyPaid, PaymentBusy, AccountGone (merged a moment ago); GatewayError leaves the
    attempt open, so the next try repeats the same order.
    """
    attempt = _begin_as(request, gateway, now)
    if attempt.ticket is not None:
        return attempt
    try:
        ticket = _place(attempt.order, gateway)
    except OrderPaid:
        follow_up.ask(attempt.id, gateway, now)
        raise AlreadyPaid from None
    except OrderClosed:
        # Its time ran out at WeChat Pay, or another process closed it: that number is dead, a new one may do.
        follow_up.ask(attempt.id, gateway, now)
        attempt = _begin_as(request, gateway, now)
        ticket = _place(attempt.order, gateway)
    return _record_ticket(attempt, ticket, now)


def _place(order: Order, gateway: PayGateway) -> str:
    match order:
        case JsapiOrder():
            return gateway.create_jsapi(order)
        case H5Order():
            return gateway.create_h5(order)
        case NativeOrder():
            return gateway.create_native(order)


def _begin_as(request: PayRequest, gateway: PayGateway, now: datetime) -> Attempt:
    """The open attempt of the wanted method; one of another method is asked about and closed before."""
    attempt = _begin(request, now)
    if attempt.method is request.method:
        return attempt
    fate = follow_up.retire(attempt.id, gateway, now)
    if fate is follow_up.Fate.PAID:
        raise AlreadyPaid
    if fate is follow_up.Fate.OPEN:
        raise PaymentBusy
    attempt = _begin(request, now)
    if attempt.method is not request.method:
        raise PaymentBusy  # the same person pays on another screen at this very moment
    return attempt


@retry_deadlock
def _begin(request: PayRequest, now: datetime) -> Attempt:
    with transaction(durable=True):
        hold_member(request.member_id)
        payable = payables.of(request.payable_kind)
        payable.lock(request.payable_id)
        amount_fen = payable.amount_due(request.payable_id, now)
        payment = queries.find_open_attempt(request.payable_kind, request.payable_id)
        if payment is None:
            if not may_begin(now, request.kept_until or request.expires_at):
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
                channel=request.method,
                client_ip=request.client_ip or None,
                state=PaymentState.CREATED,
                expires_at=request.expires_at,
                created_at=now,
                next_query_at=next_query(now, now),
            )
            db.session.add(payment)
            db.session.flush()
        return _attempt(payment, now)


def _record_ticket(attempt: Attempt, ticket: str, now: datetime) -> Attempt:
    column = "prepay_id" if attempt.method is Method.JSAPI else "pay_url"
    with transaction():
        changed = changed_rows(
            update(Payment)
            .where(Payment.id == attempt.id, Payment.state.in_(OPEN))
            .values(prepay_at=now, state=PaymentState.PENDING, **{column: ticket})
        )
    if changed != 1:
        raise AlreadyPaid  # settled or closed while WeChat Pay answered
    return replace(attempt, ticket=ticket)


def living_ticket(payment: Payment, now: datetime) -> str | None:
    """What opens the cashier of this attempt, while WeChat Pay takes it."""
    ticket = payment.prepay_id if payment.channel == Method.JSAPI else payment.pay_url
    if not ticket or payment.prepay_at is None or now - payment.prepay_at >= TICKET_LIFE[payment.channel]:
        return None
    return ticket


def _attempt(payment: Payment, now: datetime) -> Attempt:
    return Attempt(payment.id, Method(payment.channel), _order(payment), living_ticket(payment, now))


def _order(payment: Payment) -> Order:
    """From the row, so that every call for this number carries the same values."""
    number, words, fen = payment.out_trade_no, payment.description, payment.amount_fen
    match Method(payment.channel):
        case Method.JSAPI:
            return JsapiOrder(number, words, fen, payment.openid, payment.expires_at)
        case Method.H5:
            return H5Order(number, words, fen, payment.client_ip or UNKNOWN_IP, payment.expires_at)
        case Method.NATIVE:
            return NativeOrder(number, words, fen, payment.expires_at)
