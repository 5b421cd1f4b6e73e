"""Giving a unit back: cancelled by the shopper or expired. WeChat Pay is asked before anything is released."""

from datetime import datetime

from sqlalchemy import and_, func, literal, select

from app.booking import queries
from app.booking.errors import CannotCancel, EarnestBinding, NeedsApproval, PaidMeanwhile, PaymentOpen
from app.booking.models import Booking
from app.booking.rules import EXPIRY_PATIENCE, KIND, PICK_UP, BookingAction, BookingState
from app.booking.rules.cancelling import Way, way_to_cancel
from app.booking.rules.promises import BALANCE
from app.booking.services import money
from app.booking.services.change import Change, lock_booking, move
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import DomainError, NotFound
from app.core.money import format_yuan
from app.core.security import SYSTEM, Actor
from app.gateways.pay.port import PayGateway
from app.payments import queries as payments
from app.payments.models import Payment
from app.payments.rules import OPEN
from app.payments.services import follow_up, sweep

_REFUSED: dict[Way, type[DomainError]] = {Way.BOUND: EarnestBinding, Way.APPROVAL: NeedsApproval}


def cancel_booking(actor: Actor, no: str, gateway: PayGateway, now: datetime) -> None:
    """Cancel as the table of rules says: an unpaid hold ends at once, a paid and refundable one begins its refund.

    NotFound, EarnestBinding, NeedsApproval, CannotCancel, PaidMeanwhile, PaymentOpen; GatewayError leaves everything
    as it was.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    booking = queries.get_booking(no, actor.id)
    booking_id, state, way = booking.id, booking.state, _way(booking)
    db.session.rollback()
    if way is Way.FREE:
        retire(KIND, booking_id, gateway, now)
        _end_hold(booking_id, Change(BookingAction.CANCEL, "cancelled"), actor, now)
    elif way is Way.REFUND:
        retire(BALANCE, booking_id, gateway, now)
        _begin_refund(booking_id, actor, now)
    elif way is not Way.NONE:
        raise _REFUSED[way]
    elif state not in (BookingState.CANCELLED, BookingState.REFUNDING, BookingState.REFUNDED):
        raise CannotCancel


def _way(booking: Booking) -> Way:
    return way_to_cancel(booking.earnest_kind, booking.state, paid_in_full=not booking.balance_open)


def retire(kind: str, booking_id: int, gateway: PayGateway, now: datetime) -> None:
    """Nobody may pay this any more; what was paid a moment ago counts, and is told."""
    fate = follow_up.release(kind, booking_id, gateway, now)
    if fate is follow_up.Fate.PAID:
        raise PaidMeanwhile
    if fate is follow_up.Fate.OPEN:
        raise PaymentOpen


def expire_holds(gateway: PayGateway, now: datetime) -> int:
    """End every hold whose time is over. One whose payment state nobody knows stays held until somebody does."""
    due = _list_expired(now - EXPIRY_PATIENCE)
    db.session.rollback()
    return sweep.each(
        "expire_holds",
        due,
        lambda booking_id: expire_hold(booking_id, gateway, now),
        lambda booking_id: follow_up.ask_later(KIND, booking_id, now),
    )


def _list_expired(before: datetime, limit: int = 50) -> list[int]:
    """Holds whose time was over at this moment, the oldest first.

    One whose open payment was put off stands behind the others: what fails for ever must not take their turn.
    """
    waiting = and_(Payment.payable_kind == KIND, Payment.payable_id == Booking.id, Payment.state.in_(OPEN))
    held = Booking.state == literal(BookingState.HELD.value, literal_execute=True)  # the index holds these alone
    return list(
        db.session.scalars(
            select(Booking.id)
            .outerjoin(Payment, waiting)
            .where(held, Booking.hold_until <= before)
            .order_by(func.coalesce(Payment.next_query_at, Booking.hold_until), Booking.hold_until)
            .limit(limit)
        )
    )


def expire_hold(booking_id: int, gateway: PayGateway, now: datetime) -> bool:
    """Ask, close, then release; an order found paid is settled instead. Not known, or GatewayError: not released."""
    if follow_up.release(KIND, booking_id, gateway, now) is not follow_up.Fate.CLOSED:
        return False
    try:
        return _end_hold(booking_id, Change(BookingAction.EXPIRE, "expired"), SYSTEM, now)
    except (CannotCancel, PaidMeanwhile, PaymentOpen):
        return False  # somebody paid or cancelled in between


@retry_deadlock
def _end_hold(booking_id: int, change: Change, actor: Actor, now: datetime) -> bool:
    with transaction():
        booking = lock_booking(booking_id)
        if payments.find_open_attempt(KIND, booking_id) is not None:
            raise PaymentOpen  # begun after WeChat Pay was asked
        if booking.state in PICK_UP:
            raise PaidMeanwhile  # settled between looking and locking: its money would be forgotten
        if change.action is BookingAction.EXPIRE and now < booking.hold_until:
            raise CannotCancel  # extended after the sweep had listed it
        if not move(booking, change, actor, now):
            raise CannotCancel
        return True


@retry_deadlock
def _begin_refund(booking_id: int, actor: Actor, now: datetime) -> None:
    """All that was paid goes back, earnest money and balance together; judged again by the rule, now locked."""
    with transaction():
        booking = lock_booking(booking_id)
        way = _way(booking)
        if way is not Way.REFUND:
            raise _REFUSED.get(way, CannotCancel)
        if payments.find_open_attempt(BALANCE, booking_id) is not None:
            raise PaymentOpen  # begun after WeChat Pay was asked
        note = f"{format_yuan(money.owed_fen(booking_id))} 将原路退回，通常 1–3 个工作日到账"
        if not move(booking, Change(BookingAction.CANCEL, "refunding", note), actor, now):
            raise CannotCancel
        money.return_all(booking_id, "cancelled", "客户取消预订", now)
