"""The rest of the price: recorded in the store with its document, or paid online; counted once either way."""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.booking import queries
from app.booking.errors import (
    BalanceEarly,
    BalanceOver,
    BalanceSettled,
    CannotNow,
    DocumentUsed,
    DocumentWrong,
    LeadOnly,
    ReasonNeeded,
)
from app.booking.models import Booking, BookingEvent
from app.booking.rules import HOLDS_MONEY, KEEPS_UNIT, PICK_UP, REFUND_TROUBLE, BookingState, state_words
from app.booking.rules.promises import (
    BALANCE,
    LEADING,
    REMIND_BALANCE,
    Window,
    balance_end,
    balance_window,
    clean_document,
    document_problem,
)
from app.booking.services import book, money
from app.booking.services.change import lock_rows, standing, tell
from app.booking.services.progress import MIN_REASON, Outcome, lock_own
from app.core import audit
from app.core.clock import say
from app.core.db import changed_rows, db, forget, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.core.security import SYSTEM, Actor
from app.gateways.pay.port import Method, PayGateway
from app.payments import queries as payments
from app.payments.errors import NothingDue
from app.payments.models import Payment, Refund
from app.payments.payables import Attempt
from app.payments.rules import LAST_MOMENT, OPEN
from app.payments.services import attempts, follow_up, refunds, sweep
from app.payments.services.attempts import PayRequest
from app.payments.services.cashier import Cashier, cashier_of, open_cashier, openid_for

STORE, ONLINE = "store", "online"
REMINDED = "balance_due"
CASHIER_LIFE = timedelta(hours=2)  # what one order at WeChat Pay lives; the next tap makes another
AMOUNT = Booking.price_fen + Booking.surcharge_fen - Booking.coupon_fen - Booking.earnest_fen


class BalancePayable:
    """How the payments room asks about balances; every method runs inside its transaction."""

    def lock(self, payable_id: int) -> None:
        lock_rows(payable_id)

    def amount_due(self, payable_id: int, now: datetime) -> int:
        booking = db.session.get_one(Booking, payable_id, populate_existing=True)
        _check_window(booking, now)
        return booking.balance_fen

    def on_paid(self, payment: Attempt, now: datetime) -> None:
        """Money for a balance that is still open settles it; any other goes back by itself. Both are in the ledger."""
        self._take(payment, now)
        book.came_in(standing(payment.payable_id), payment.amount_fen, SYSTEM, now)

    def _take(self, payment: Attempt, now: datetime) -> None:
        settle = update(Booking).where(
            Booking.id == payment.payable_id,
            Booking.state.in_(PICK_UP),
            Booking.balance_paid_at.is_(None),
            AMOUNT == payment.amount_fen,  # noqa: SIM300
        )
        if changed_rows(settle.values(balance_paid_at=now, balance_channel=ONLINE)) == 1:
            forget(Booking, payment.payable_id)
            tell(payment.payable_id, "balance_paid", SYSTEM, now, f"在线支付 {format_yuan(payment.amount_fen)}")
            audit.record(SYSTEM, "booking_balance_paid", "booking", payment.payable_id, fen=payment.amount_fen)
            return
        booking = db.session.get_one(Booking, payment.payable_id, populate_existing=True)
        double = booking.state in KEEPS_UNIT and booking.balance_paid_at is not None
        code, why = ("double", "余款重复付款") if double else ("late", "余款已不需要支付")
        row = db.session.get_one(Payment, payment.id)
        refunds.request_refund(row, payment.amount_fen, code, why, now)
        note = f"{why}，{format_yuan(payment.amount_fen)} 将自动原路退回"
        tell(booking.id, f"{code}_payment", SYSTEM, now, note)

    def on_refunded(self, payment: Payment, refund: Refund, now: datetime) -> None:
        money.on_refunded(payment, refund, now)
        book.went_back(standing(payment.payable_id), refund.amount_fen, SYSTEM, now)

    def on_refund_handled(self, payment: Payment, refund: Refund, now: datetime) -> None:
        money.on_refund_handled(payment, refund, now)
        book.went_back(standing(payment.payable_id), refund.amount_fen, SYSTEM, now)

    def on_refund_stuck(self, payment: Payment, refund: Refund, now: datetime) -> None:
        tell(payment.payable_id, REFUND_TROUBLE, SYSTEM, now, f"{format_yuan(refund.amount_fen)} 尚未退回，无需您操作")

    def held_fen(self) -> int:
        """Balances that came in online for a car that is owed or was handed over; what a case sent back of one that
        was forfeited is subtracted with its earnest money."""
        held = select(func.coalesce(func.sum(AMOUNT), 0)).where(
            Booking.balance_channel == ONLINE, Booking.state.in_(HOLDS_MONEY)
        )
        return int(db.session.scalar(held) or 0)


@retry_deadlock
def record_in_store(actor: Actor, no: str, document: str, now: datetime) -> Outcome:
    """Say that the store took the balance, with the number of its receipt; the same twice is as good as once.

    NotFound, DocumentWrong, DocumentUsed, BalanceSettled, BalanceEarly, NothingDue, CannotNow.
    """
    with transaction():
        booking = lock_own(actor, no)
        outcome = record(booking, document, actor, now)
        if outcome.first:
            book.came_in(booking, booking.balance_fen, actor, now)
        return outcome


def record(booking: Booking, document: str, actor: Actor, now: datetime) -> Outcome:
    """The same for a booking that is locked already, in the caller's transaction, which writes the ledger last."""
    document = clean_document(document)
    _check_open(booking, document, now)
    if booking.balance_paid_at is not None:
        return Outcome(False, "", say(booking.balance_paid_at))
    _check_document(booking, document)
    booking.balance_paid_at, booking.balance_channel = now, STORE
    booking.balance_document, booking.balance_staff_id = document, actor.id
    _keep_receipt()
    tell(booking.id, "balance_paid", actor, now, f"到店支付 {format_yuan(booking.balance_fen)}，单据号 {document}")
    audit.record(actor, "booking_balance_recorded", "booking", booking.id, fen=booking.balance_fen, document=document)
    return Outcome(first=True)


@retry_deadlock
def correct(actor: Actor, no: str, document: str, reason: str, now: datetime) -> None:
    """Put a record of the store right: another number, or none (it was not paid). A leading person, with a reason.

    NotFound, LeadOnly, ReasonNeeded, DocumentWrong, DocumentUsed, CannotNow.
    """
    document, reason = clean_document(document), " ".join(reason.split())[:120]
    if actor.role not in LEADING:
        raise LeadOnly
    if len(reason) < MIN_REASON:
        raise ReasonNeeded("请写明更正原因，至少 4 个字。")
    with transaction():
        booking = lock_own(actor, no)
        before = booking.balance_document
        if booking.balance_channel != STORE:
            raise CannotNow(state_words(booking.state, booking.earnest_kind))
        if before == document:
            return
        if document:
            _check_document(booking, document)
            booking.balance_document, note = document, f"单据号更正为 {document}"
        elif booking.state in PICK_UP:
            booking.balance_paid_at = booking.balance_channel = booking.balance_staff_id = None
            booking.balance_document, note = "", "余款登记有误，已撤销"
        else:
            raise CannotNow(state_words(booking.state, booking.earnest_kind))
        _keep_receipt()
        tell(booking.id, "balance_corrected", actor, now, note)
        end = booking.balance_until
        if not document and end is not None and now >= end - REMIND_BALANCE:
            # Whoever was told that it is paid gets a whole day again.
            end = max(end, now + REMIND_BALANCE)
            tell(booking.id, REMINDED, actor, now, f"请在{say(end)}前支付余款 {format_yuan(booking.balance_fen)}")
        audit.record(
            actor, "booking_balance_corrected", "booking", booking.id, before=before, after=document, reason=reason
        )
        if not document:
            book.never_came(booking, booking.balance_fen, actor, now)


def open_balance_payment(
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
    """What the cashier needs to take the balance; a second tap gets the same order number.

    NotFound, NeedsWeChatLogin, NothingDue, BalanceSettled, BalanceEarly, BalanceOver, AlreadyPaid, PaymentBusy,
    GatewayError (nothing changed).
    """
    booking = _own(actor, no)
    _check_window(booking, now)
    openid = openid_for(booking.member_id, app_id, method)
    until = cashier_until(booking, now)
    request = PayRequest(
        payable_kind=BALANCE,
        payable_id=booking.id,
        member_id=booking.member_id,
        openid=openid,
        app_id=app_id,
        mch_id=mch_id,
        description=f"余款 {booking.car_name}",
        expires_at=until,
        method=method,
        client_ip=client_ip if method is Method.H5 else "",
    )
    return open_cashier(request, until, gateway, now)


def present_balance_cashier(
    no: str, member_id: int, gateway: PayGateway, now: datetime, method: Method = Method.JSAPI
) -> Cashier | None:
    """The cashier of the attempt that is open already, or None; neither writes nor calls out."""
    booking = queries.get_booking(no, member_id)
    payment = payments.find_open_attempt(BALANCE, booking.id)
    if payment is None or payment.channel != method or not is_payable(booking, now) or now >= payment.expires_at:
        return None
    ticket = attempts.living_ticket(payment, now)
    until = payment.expires_at
    return cashier_of(method, ticket, payment.prepay_at or now, until, gateway) if ticket else None


def check_balance_payment(actor: Actor, no: str, gateway: PayGateway, now: datetime) -> bool:
    """Ask WeChat Pay whether the open attempt was paid, because the shopper says so. True when nothing is open."""
    payment = payments.find_open_attempt(BALANCE, _own(actor, no).id)
    if payment is None:
        return True
    return follow_up.ask(payment.id, gateway, now) is not follow_up.Fate.OPEN


def close_idle_orders(gateway: PayGateway, now: datetime) -> int:
    """Close every order for a balance that nobody owes any more: the booking ended, or the store took the money.

    WeChat Pay is asked first; what was paid goes back by itself. One that cannot be reached is asked again next time.
    """
    idle = or_(Booking.state.not_in(PICK_UP), Booking.balance_paid_at.is_not(None))
    open_ = select(Payment.id).join(Booking, Booking.id == Payment.payable_id).where(
        Payment.payable_kind == BALANCE, Payment.state.in_(OPEN), idle
    )  # fmt: skip
    found = list(db.session.scalars(open_.order_by(Payment.next_query_at, Payment.id).limit(50)))
    db.session.rollback()
    return sweep.each(
        "close_idle_balances",
        found,
        lambda payment_id: follow_up.retire(payment_id, gateway, now) is not follow_up.Fate.OPEN,
        lambda payment_id: follow_up.put_off(payment_id, now),
    )


def is_payable(booking: Booking, now: datetime) -> bool:
    """Whether the balance can be paid online at this moment."""
    return booking.state in PICK_UP and booking.balance_open and window(booking, now) is Window.OPEN


def window(booking: Booking, now: datetime) -> Window:
    """Where this moment stands to the time in which this balance is paid."""
    return balance_window(booking.balance_from, booking.balance_until, reminded_at(booking.id), now)


def cashier_until(booking: Booking, now: datetime) -> datetime:
    """When an order for this balance that is made now ends; WeChat Pay takes none under a minute."""
    end = balance_end(booking.balance_until, reminded_at(booking.id))
    return min(now + CASHIER_LIFE, end) if end is not None else now + CASHIER_LIFE


def reminded_at(booking_id: int) -> datetime | None:
    """When the customer was last told that the balance is due."""
    return db.session.scalar(
        select(func.max(BookingEvent.at)).where(BookingEvent.booking_id == booking_id, BookingEvent.kind == REMINDED)
    )


def _check_window(booking: Booking, now: datetime) -> None:
    """Refuse what cannot be paid online now, each with its own sentence."""
    if booking.state not in PICK_UP or booking.balance_fen <= 0:
        raise NothingDue
    if booking.balance_paid_at is not None:
        raise BalanceSettled(_how(booking))
    where = window(booking, now)
    if where is Window.EARLY:
        raise BalanceEarly(say(booking.balance_from or now))
    if where is Window.OVER or cashier_until(booking, now) - now < LAST_MOMENT:
        raise BalanceOver


def _check_open(booking: Booking, document: str, now: datetime) -> None:
    """Refuse what the store cannot record. A customer who stands there late may pay while the booking lives."""
    if booking.balance_fen <= 0:
        raise NothingDue
    problem = document_problem(document)
    if problem is not None:
        raise DocumentWrong(problem)
    if booking.balance_paid_at is not None:
        if booking.balance_channel == STORE and booking.balance_document == document:
            return
        raise BalanceSettled(_how(booking))
    if booking.state not in PICK_UP:
        raise CannotNow(state_words(BookingState(booking.state), booking.earnest_kind))
    if booking.balance_from is not None and now < booking.balance_from:
        raise BalanceEarly(say(booking.balance_from))


def _check_document(booking: Booking, document: str) -> None:
    """One receipt of a store settles one booking; a unique key says so again at the same moment."""
    other = select(Booking.id).where(
        Booking.dealer_id == booking.dealer_id, Booking.balance_document == document, Booking.id != booking.id
    )
    if db.session.scalar(other.limit(1)) is not None:
        raise DocumentUsed


def _keep_receipt() -> None:
    try:
        db.session.flush()
    except IntegrityError:  # the one booking for each receipt of a store
        raise DocumentUsed from None


def _how(booking: Booking) -> str:
    when = say(booking.balance_paid_at) if booking.balance_paid_at else ""
    if booking.balance_channel == ONLINE:
        return f"{when} 在线支付"
    return f"{when} 到店支付，单据号 {booking.balance_document}"


def _own(actor: Actor, no: str) -> Booking:
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    return queries.get_booking(no, actor.id)
