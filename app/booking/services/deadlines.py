"""Promises that ran out: the dealer's end in a refund by itself, the customer's in a reminder and then an end.

Each step is decided again under the lock of the booking, so that whoever keeps a promise at the last moment wins or
loses, never both. Nothing here waits for somebody to look.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.booking.models import Booking, BookingCase, BookingEvent
from app.booking.rules import PICK_UP, BookingAction, BookingState, refundable
from app.booking.rules.promises import BALANCE, NO_SHOW_PATIENCE, REMIND_BALANCE, Window, missed
from app.booking.services import balance, cases, money
from app.booking.services.change import Change, lock_booking, move, tell
from app.booking.services.progress import MEMBER
from app.core import audit
from app.core.clock import say
from app.core.db import db, retry_deadlock, transaction
from app.core.money import format_yuan
from app.core.security import SYSTEM
from app.gateways.pay.port import PayGateway
from app.payments.services import follow_up, sweep

BATCH = 50
_OPEN_BALANCE = and_(Booking.balance_paid_at.is_(None), balance.AMOUNT > 0)


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise somebody broke, and what is said about it."""

    event: str
    code: str
    reason: str
    note: str


def enforce(gateway: PayGateway, now: datetime) -> int:
    """Every promise whose time is over, once; how many bookings moved. One failure does not stop the rest."""
    moved = (
        _each("missed_confirm", _late(Booking.confirm_by, BookingState.DEPOSIT_PAID, now), lambda b: break_off(b, now))
        + _each("missed_ready", _late(Booking.ready_by, BookingState.CONFIRMED, now), lambda b: break_off(b, now))
        + _each("balance_reminders", _balance_to_remind(now), lambda b: remind(b, now))
        + _each("balance_over", _balance_over(now), lambda b: end_unpaid(b, gateway, now))
        + _each("stayed_away", _stayed_away(now), lambda b: end_no_show(b, gateway, now))
    )
    balance.close_idle_orders(gateway, now)
    return moved


@retry_deadlock
def break_off(booking_id: int, now: datetime) -> bool:
    """The dealer missed its moment: the unit is free, everything paid online goes back, of 定金 twice as a case.

    The refund waits for nobody: an order for the balance that is still open is closed right after (`enforce`), and
    what was paid on it until then goes back by itself.
    """
    with transaction():
        booking = lock_booking(booking_id)
        if booking.state == BookingState.DEPOSIT_PAID and missed(booking.confirm_by, now):
            kind, by, what = "confirm", booking.confirm_by, "确认"
        elif booking.state == BookingState.CONFIRMED and missed(booking.ready_by, now):
            kind, by, what = "ready", booking.ready_by, "备好车"
        else:
            return False
        booking.default_kind, booking.defaulted_at = kind, now
        note = f"门店未在{say(by or now)}前{what}"
        _end(booking, Breach("dealer_missed", "dealer", f"门店未按时{what}", note), now)
        audit.record(SYSTEM, "booking_dealer_missed", "booking", booking_id, promise=kind)
        if not refundable(booking.earnest_kind):
            cases.open_case(booking_id, "double_return", f"{note}，定金应双倍返还", SYSTEM, now)
        return True


@retry_deadlock
def remind(booking_id: int, now: datetime) -> bool:
    """Tell the customer once that the balance is due, a day before its end or as soon as anybody looks."""
    with transaction():
        booking = lock_booking(booking_id)
        until = booking.balance_until
        due = until is not None and now >= until - REMIND_BALANCE
        if not due or until is None or booking.state not in PICK_UP or not booking.balance_open:
            return False
        if balance.reminded_at(booking_id) is not None:
            return False
        end = max(until, now + REMIND_BALANCE)
        tell(booking_id, balance.REMINDED, SYSTEM, now, f"请在{say(end)}前支付余款 {format_yuan(booking.balance_fen)}")
        return True


def end_unpaid(booking_id: int, gateway: PayGateway, now: datetime) -> bool:
    """The balance was not paid in its time. WeChat Pay is asked first: what was paid at the last moment counts."""
    if follow_up.release(BALANCE, booking_id, gateway, now) is not follow_up.Fate.CLOSED:
        return False
    return _end_by_customer(booking_id, now, _balance_is_over, "余款未按时支付", "balance")


def end_no_show(booking_id: int, gateway: PayGateway, now: datetime) -> bool:
    """Who stayed away agreed no other time within a week. An open order for the balance is closed first."""
    if follow_up.release(BALANCE, booking_id, gateway, now) is follow_up.Fate.OPEN:
        return False
    return _end_by_customer(booking_id, now, _no_show_is_over, "未按约到店，也没有另约时间", "no_show")


@retry_deadlock
def _end_by_customer(
    booking_id: int, now: datetime, over: Callable[[Booking, datetime], bool], reason: str, code: str
) -> bool:
    """Refundable money goes back and the unit is free; of 定金 headquarters decides."""
    with transaction():
        booking = lock_booking(booking_id)
        if booking.state not in PICK_UP or not over(booking, now):
            return False
        if not refundable(booking.earnest_kind):
            return _hand_to_headquarters(booking_id, reason, now)
        _end(booking, Breach("given_up", code, reason, f"{reason}，预订已取消"), now)
        return True


def _hand_to_headquarters(booking_id: int, reason: str, now: datetime) -> bool:
    """Once: a case that was answered is not asked again."""
    known = select(BookingCase.id).where(BookingCase.booking_id == booking_id, BookingCase.kind == "forfeit")
    if db.session.scalar(known.limit(1)) is not None:
        return False
    cases.open_case(booking_id, "forfeit", reason, SYSTEM, now)
    return True


def _end(booking: Booking, breach: Breach, now: datetime) -> None:
    booking_id, in_store = booking.id, booking.balance_channel == balance.STORE
    back, by_hand = money.owed_fen(booking_id), booking.balance_fen
    note = f"{breach.note}。{format_yuan(back)} 将原路退回"
    note += f"，到店支付的 {format_yuan(by_hand)} 由门店退还" if in_store else ""
    if not move(booking, Change(BookingAction.GIVE_BACK, breach.event, note), SYSTEM, now):
        raise RuntimeError("a booking that waits for its car can always be given back")
    money.return_all(booking_id, breach.code, breach.reason, now)


def _balance_is_over(booking: Booking, now: datetime) -> bool:
    reminded = balance.reminded_at(booking.id) is not None
    return reminded and booking.balance_open and balance.window(booking, now) is Window.OVER


def _no_show_is_over(booking: Booking, now: datetime) -> bool:
    asked = booking.proposed_at if booking.proposed_by == MEMBER else None
    if asked is not None and asked > now:
        return False  # the customer did ask for another time: it is the store that has not answered yet
    return booking.no_show_at is not None and now >= booking.no_show_at + NO_SHOW_PATIENCE


def _each(name: str, due: list[int], act: Callable[[int], bool]) -> int:
    return sweep.each(name, due, act, lambda _: None)


def _late(by: InstrumentedAttribute[datetime | None], state: BookingState, now: datetime) -> list[int]:
    return _ids((Booking.state == state, by <= now), by)


def _balance_to_remind(now: datetime) -> list[int]:
    said = select(BookingEvent.id).where(BookingEvent.booking_id == Booking.id, BookingEvent.kind == balance.REMINDED)
    due = (Booking.state.in_(PICK_UP), _OPEN_BALANCE, Booking.balance_until <= now + REMIND_BALANCE, ~said.exists())
    return _ids(due, Booking.balance_until)


def _balance_over(now: datetime) -> list[int]:
    last = (
        select(func.max(BookingEvent.at))
        .where(BookingEvent.booking_id == Booking.id, BookingEvent.kind == balance.REMINDED)
        .correlate(Booking)
        .scalar_subquery()
    )
    due = (
        Booking.state.in_(PICK_UP),
        _OPEN_BALANCE,
        Booking.balance_until <= now,
        last <= now - REMIND_BALANCE,
        ~_handed_up(),
    )
    return _ids(due, Booking.balance_until)


def _stayed_away(now: datetime) -> list[int]:
    asked = and_(func.coalesce(Booking.proposed_by, "") == MEMBER, Booking.proposed_at > now)
    due = (Booking.state.in_(PICK_UP), Booking.no_show_at <= now - NO_SHOW_PATIENCE, ~asked, ~_handed_up())
    return _ids(due, Booking.no_show_at)


def _handed_up() -> ColumnElement[bool]:
    """Headquarters has it already."""
    forfeit = select(BookingCase.id).where(BookingCase.booking_id == Booking.id, BookingCase.kind == "forfeit")
    return forfeit.correlate(Booking).exists()


def _ids(conditions: Iterable[ColumnElement[bool]], first: InstrumentedAttribute[datetime | None]) -> list[int]:
    found = list(db.session.scalars(select(Booking.id).where(*conditions).order_by(first, Booking.id).limit(BATCH)))
    db.session.rollback()
    return found
