"""What headquarters put right on a booking: a typing mistake, an agreement made on the phone, a harsh mark.

Each correction changes one fact, says why, and keeps before and after in the audit trail. None takes a state back, none
touches money. `seen` is what the person read: when it is another by now, nothing is changed; what stands already as
asked for is left as it is, so a form sent twice corrects once.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.booking.errors import (
    CannotNow,
    ChangedMeanwhile,
    DocumentUsed,
    DocumentWrong,
    NothingToCorrect,
    ReasonNeeded,
    TimeWrong,
    VinTaken,
    VinWrong,
)
from app.booking.models import Booking
from app.booking.rules import PICK_UP, BookingState, state_words
from app.booking.rules.promises import clean_document, clean_vin, document_problem, time_problem, vin_problem
from app.booking.services.change import lock_booking, tell
from app.booking.services.tell_store import tell_store
from app.core import audit
from app.core.clock import say
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor

MIN_REASON, MAX_REASON = 4, 120
Promise = Literal["confirm", "ready"]
# Where each promise still runs.
_RUNS: dict[str, BookingState] = {"confirm": BookingState.DEPOSIT_PAID, "ready": BookingState.CONFIRMED}
_WITH_CAR = (BookingState.CONFIRMED, BookingState.CAR_READY, BookingState.HANDED_OVER)


@retry_deadlock
def correct_promise(
    actor: Actor, no: str, which: Promise, at: datetime, seen: datetime | None, reason: str, now: datetime
) -> bool:
    """Another time until which the dealer confirms, or has the car ready; the customer reads it with the reason.

    It must be to come, and no later than if the dealer's time by the terms began now: a longer promise is another deal,
    which nobody but the customer can agree to. NotFound, ReasonNeeded, CannotNow, TimeWrong, ChangedMeanwhile.
    """
    reason = _reason(reason)
    with transaction():
        booking = _lock(actor, no)
        _in_state(booking, _RUNS[which])
        if (problem := time_problem(at, now)) is not None:
            raise TimeWrong(problem)
        whole = timedelta(hours=booking.promised_hours) if which == "confirm" else timedelta(days=booking.promised_days)
        if at > now + whole:
            raise TimeWrong(f"不能晚于{say(now + whole)}：条款承诺的时间从现在起算也到此为止。")
        name = f"{which}_by"
        words = "门店最迟确认时间" if which == "confirm" else "最迟备好车时间"
        return _set(booking, name, seen, at, reason, actor, now, f"{words}改为{say(at)}，原因：{reason}")


@retry_deadlock
def correct_appointment(
    actor: Actor, no: str, at: datetime | None, seen: datetime | None, reason: str, now: datetime
) -> bool:
    """Another agreed time to come, or none; what one side had proposed is answered by it.

    NotFound, ReasonNeeded, CannotNow, TimeWrong, ChangedMeanwhile.
    """
    reason = _reason(reason)
    with transaction():
        booking = _lock(actor, no)
        _in_state(booking, *PICK_UP)
        if at is not None and (problem := time_problem(at, now)) is not None:
            raise TimeWrong(problem)
        note = f"到店时间改为{say(at)}" if at else "到店时间已取消，请与门店另行约定"
        changed = _set(booking, "appointment_at", seen, at, reason, actor, now, note)
        if changed:
            booking.proposed_at = booking.proposed_by = None
        if changed and at is not None:  # another time is agreed: whoever stayed away is expected again
            booking.no_show_at, booking.no_show_reason = None, ""
        return changed


@retry_deadlock
def correct_vin(actor: Actor, no: str, vin: str, seen: str | None, reason: str, now: datetime) -> bool:
    """Another car on the booking; a unique key keeps it off every other.

    NotFound, ReasonNeeded, VinWrong, VinTaken, CannotNow, ChangedMeanwhile.
    """
    reason, vin = _reason(reason), clean_vin(vin)
    if (problem := vin_problem(vin)) is not None:
        raise VinWrong(problem)
    try:
        with transaction():
            booking = _lock(actor, no)
            _in_state(booking, *_WITH_CAR)
            return _set(booking, "vin", seen, vin, reason, actor, now, f"车架号后六位更正为 {vin[-6:]}")
    except IntegrityError:  # the one booking for each car
        raise VinTaken from None


@retry_deadlock
def correct_document(actor: Actor, no: str, document: str, seen: str, reason: str, now: datetime) -> bool:
    """Another number of the store's receipt for the balance; that it was paid, and when, stays.

    NotFound, ReasonNeeded, DocumentWrong, DocumentUsed, NothingToCorrect, ChangedMeanwhile.
    """
    reason, document = _reason(reason), clean_document(document)
    if (problem := document_problem(document)) is not None:
        raise DocumentWrong(problem)
    try:
        with transaction():
            booking = _lock(actor, no)
            if booking.balance_channel != "store":
                raise NothingToCorrect("余款不是在门店登记的，没有单据号可以更正。")
            other = select(Booking.id).where(
                Booking.dealer_id == booking.dealer_id, Booking.balance_document == document, Booking.id != booking.id
            )
            if db.session.scalar(other.limit(1)) is not None:
                raise DocumentUsed
            note = f"余款单据号更正为 {document}"
            return _set(booking, "balance_document", seen, document, reason, actor, now, note)
    except IntegrityError:  # one receipt of a store settles one booking
        raise DocumentUsed from None


@retry_deadlock
def take_back_no_show(actor: Actor, no: str, reason: str, now: datetime) -> bool:
    """The customer did not stay away after all. False when no such mark stands. NotFound, ReasonNeeded, CannotNow."""
    reason = _reason(reason)
    with transaction():
        booking = _lock(actor, no)
        if booking.no_show_at is None:
            return False
        _in_state(booking, *PICK_UP)
        booking.no_show_reason = ""
        return _set(booking, "no_show_at", booking.no_show_at, None, reason, actor, now, "未到店的记录已撤销")


@retry_deadlock
def excuse_default(actor: Actor, no: str, reason: str, now: datetime) -> bool:
    """A missed promise that was not the dealer's fault does not count in its rate; the refund stays as it is.

    False when it was excused before. NotFound, ReasonNeeded, NothingToCorrect.
    """
    reason = _reason(reason)
    with transaction():
        booking = _lock(actor, no)
        if booking.defaulted_at is None:
            raise NothingToCorrect("门店没有违约记录，无需免责。")
        if booking.default_excused_at is not None:
            return False
        return _set(booking, "default_excused_at", None, now, reason, actor, now, "")


def _set(
    booking: Booking, name: str, seen: object, after: Any, reason: str, actor: Actor, now: datetime, note: str
) -> bool:
    """Write one fact of a locked booking; with a note the customer reads it, too."""
    before = getattr(booking, name)
    if before == after:
        return False
    if (before or None) != (seen or None):
        raise ChangedMeanwhile
    setattr(booking, name, after)
    db.session.flush()
    if note:
        tell(booking.id, "corrected", actor, now, note)
        tell_store(booking, booking.dealer_id, f"总部更正：{note}", now)
    trail = {"before": _plain(before), "after": _plain(after), "reason": reason}
    audit.record(actor, "booking_corrected", "booking", booking.id, what=name, **trail)
    return True


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _lock(actor: Actor, no: str) -> Booking:
    if actor.kind != "operator":
        raise NotAllowed
    booking_id = db.session.scalar(select(Booking.id).where(Booking.no == no))
    if booking_id is None:
        raise NotFound("没有这笔预订，请核对订单号。")
    return lock_booking(booking_id)


def _reason(text: str) -> str:
    reason = " ".join(text.split())[:MAX_REASON]
    if len(reason) < MIN_REASON:
        raise ReasonNeeded("请写明更正原因，至少 4 个字。")
    return reason


def _in_state(booking: Booking, *states: BookingState) -> None:
    if booking.state not in states:
        raise CannotNow(state_words(booking.state, booking.earnest_kind))
