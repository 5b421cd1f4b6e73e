"""Paying for a booking: what it owes to the payments room, and what money does to it."""

from datetime import datetime

from sqlalchemy import func, select

from app.booking import queries
from app.booking.models import Booking, BookingCase
from app.booking.rules import HOLDS_MONEY, KIND, REFUND_TROUBLE, BookingAction, BookingState, attempt_end
from app.booking.rules.cases import SENT_BY_CASE
from app.booking.services import book, money, rescue
from app.booking.services.change import Change, Standing, lock_rows, move, standing, tell
from app.core.db import db
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.core.security import SYSTEM, Actor
from app.gateways.pay.port import Method, PayGateway
from app.payments import queries as payments
from app.payments.errors import NothingDue
from app.payments.models import Payment, Refund
from app.payments.payables import Attempt
from app.payments.services import attempts, follow_up, refunds
from app.payments.services.attempts import PayRequest
from app.payments.services.cashier import Cashier, cashier_of, open_cashier, openid_for


class BookingPayable:
    """How the payments room asks about bookings; every method runs inside its transaction."""

    def lock(self, payable_id: int) -> None:
        lock_rows(payable_id)

    def amount_due(self, payable_id: int, now: datetime) -> int:
        booking = db.session.get_one(Booking, payable_id)
        if booking.state != BookingState.HELD or now >= booking.hold_until:
            raise NothingDue
        return booking.earnest_fen

    def on_paid(self, payment: Attempt, now: datetime) -> None:
        """A booking that still has its unit, or gets one again, takes the money, however late.

        Any other sends it back, and who came too late keeps the turn. What came in is in the ledger either way.
        """
        booking = standing(payment.payable_id)
        self._take(booking, payment, now)
        book.came_in(booking, payment.amount_fen, SYSTEM, now)

    def _take(self, booking: Standing, payment: Attempt, now: datetime) -> None:
        paid = f"已收到{booking.earnest_kind} {format_yuan(payment.amount_fen)}"
        if move(booking, Change(BookingAction.PAY, "deposit_paid", paid, booking.promise(now)), SYSTEM, now):
            return
        expired = booking.state == BookingState.EXPIRED
        if expired and rescue.rescue(booking, payment.amount_fen, now):
            return
        late = expired or booking.state == BookingState.CANCELLED
        reason = "付款在保留结束后到账" if late else "重复付款"
        row = db.session.get_one(Payment, payment.id)
        refunds.request_refund(row, payment.amount_fen, "late" if late else "double", reason, now)
        note = f"{reason}，{format_yuan(payment.amount_fen)} 将自动原路退回"
        tell(booking.id, "late_payment" if late else "double_payment", SYSTEM, now, note)
        if expired:
            rescue.keep_turn(booking, now)

    def on_refunded(self, payment: Payment, refund: Refund, now: datetime) -> None:
        money.on_refunded(payment, refund, now)
        book.went_back(standing(payment.payable_id), refund.amount_fen, SYSTEM, now)

    def on_refund_handled(self, payment: Payment, refund: Refund, now: datetime) -> None:
        money.on_refund_handled(payment, refund, now)
        book.went_back(standing(payment.payable_id), refund.amount_fen, SYSTEM, now)

    def on_refund_stuck(self, payment: Payment, refund: Refund, now: datetime) -> None:
        note = f"{format_yuan(refund.amount_fen)} 尚未退回，无需您操作"
        tell(payment.payable_id, REFUND_TROUBLE, SYSTEM, now, note)

    def held_fen(self) -> int:
        """Earnest money of bookings that have it, less what headquarters sent back of them (and of their balances)."""
        held = select(func.coalesce(func.sum(Booking.earnest_fen), 0)).where(Booking.state.in_(HOLDS_MONEY))
        parts = (
            select(func.coalesce(func.sum(BookingCase.amount_fen), 0))
            .join(Booking, Booking.id == BookingCase.booking_id)
            .where(Booking.state.in_(HOLDS_MONEY), BookingCase.kind.in_(SENT_BY_CASE))
        )
        return int(db.session.scalar(held) or 0) - int(db.session.scalar(parts) or 0)


def open_booking_payment(
    actor: Actor,
    no: str,
    gateway: PayGateway,
    now: datetime,
    *,
    app_id: str,
    mch_id: str,
    method: Method = Method.JSAPI,
    client_ip: str = "",
) -> Cashier:
    """What the cashier needs to take the earnest money; a second tap gets the same order number.

    NotFound, NeedsWeChatLogin, NothingDue, HoldTooShort, AlreadyPaid, PaymentBusy, GatewayError (the hold stays).
    """
    booking = _own(actor, no)
    openid = openid_for(booking.member_id, app_id, method)
    request = PayRequest(
        payable_kind=KIND,
        payable_id=booking.id,
        member_id=booking.member_id,
        openid=openid,
        app_id=app_id,
        mch_id=mch_id,
        description=f"{booking.earnest_kind} {booking.car_name}",
        expires_at=attempt_end(booking.hold_until, booking.hold_extended_at is not None),
        kept_until=booking.hold_until,
        method=method,
        client_ip=client_ip if method is Method.H5 else "",
    )
    hold_until = booking.hold_until
    return open_cashier(request, hold_until, gateway, now)


def present_cashier(
    no: str, member_id: int, gateway: PayGateway, now: datetime, method: Method = Method.JSAPI
) -> Cashier | None:
    """The cashier of the attempt that is open already, or None; neither writes nor calls out."""
    booking = queries.get_booking(no, member_id)
    if booking.state != BookingState.HELD or now >= booking.hold_until:
        return None
    payment = payments.find_open_attempt(KIND, booking.id)
    if payment is None or payment.channel != method:
        return None
    ticket, made_at = attempts.living_ticket(payment, now), payment.prepay_at
    return cashier_of(method, ticket, made_at or now, booking.hold_until, gateway) if ticket else None


def check_payment(actor: Actor, no: str, gateway: PayGateway, now: datetime) -> bool:
    """Ask WeChat Pay whether the open attempt was paid, because the shopper says so. True when nothing is open."""
    booking = _own(actor, no)
    payment = payments.find_open_attempt(KIND, booking.id)
    if payment is None:
        return True
    return follow_up.ask(payment.id, gateway, now) is not follow_up.Fate.OPEN


def _own(actor: Actor, no: str) -> Booking:
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    return queries.get_booking(no, actor.id)
