"""What the dealer does after the payment: confirm, agree a time, assign a car, make it ready, say who stayed away."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.booking.errors import (
    AnswerFirst,
    CannotNow,
    ConfirmFirst,
    LeadOnly,
    NoCarYet,
    NoShowTooEarly,
    NothingProposed,
    PromiseMissed,
    ReasonNeeded,
    TimeChanged,
    TimeWrong,
    VinTaken,
    VinWrong,
)
from app.booking.models import Booking
from app.booking.rules import PICK_UP, BookingAction, BookingState, refundable, state_words
from app.booking.rules.promises import LEADING, clean_vin, missed, no_show_from, time_problem, vin_problem
from app.booking.services import cases
from app.booking.services.change import Change, lock_booking, move, tell
from app.core import audit
from app.core.audit import AuditEntry
from app.core.clock import say
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.members.rules import mask_name
from app.staff.models import StaffMember

MIN_REASON, MAX_REASON = 4, 120
DEALER, MEMBER = "dealer", "member"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step came to: done now (`first`), or done before, by whom and when."""

    first: bool
    by: str = ""
    when: str = ""

    def sentence(self, done: str) -> str:
        """For the person who came second."""
        return "" if self.first else f"{self.by or '同事'}已于{self.when}{done}。"


@retry_deadlock
def confirm(actor: Actor, no: str, now: datetime, *, appointment_at: datetime | None = None) -> Outcome:
    """Say that the car will be there: once, within the promised hours; whoever comes second reads who was first.

    A time that the customer asked for is agreed by it, another one is proposed.
    NotFound, PromiseMissed, CannotNow, TimeWrong.
    """
    with transaction():
        booking = lock_own(actor, no)
        if booking.state in (BookingState.CONFIRMED, BookingState.CAR_READY):
            return _said_before(booking, "booking_confirmed", booking.confirmed_at)
        _in_state(booking, BookingState.DEPOSIT_PAID)
        if missed(booking.confirm_by, now):
            raise PromiseMissed("确认", say(booking.confirm_by or now))
        ready_by = now + timedelta(days=booking.promised_days)
        ready_by = max(ready_by, booking.appointment_at or ready_by)
        booking.confirmed_at, booking.ready_by = now, ready_by
        move(booking, Change(BookingAction.CONFIRM, "confirmed", f"最迟{say(ready_by)}备好车"), actor, now)
        if appointment_at is not None and appointment_at == booking.proposed_at and booking.proposed_by == MEMBER:
            _still_to_come(appointment_at, now)
            _agree(booking, actor, now)
        elif appointment_at is not None:
            _propose(booking, DEALER, appointment_at, actor, now)
        return Outcome(first=True)


@retry_deadlock
def propose_time(actor: Actor, no: str, at: datetime, now: datetime) -> None:
    """The store offers a time to come; the customer answers. NotFound, CannotNow, TimeWrong."""
    with transaction():
        booking = lock_own(actor, no)
        _in_state(booking, *PICK_UP)
        _propose(booking, DEALER, at, actor, now)


@retry_deadlock
def ask_time(actor: Actor, no: str, at: datetime, now: datetime) -> None:
    """The customer asks for a time to come; the store answers. NotFound, CannotNow, TimeWrong."""
    with transaction():
        booking = _lock_members(actor, no)
        _in_state(booking, *PICK_UP)
        _propose(booking, MEMBER, at, actor, now)


@retry_deadlock
def agree_time(actor: Actor, no: str, now: datetime, *, seen: datetime | None = None) -> datetime:
    """Agree to what the other side proposed; the time. `seen` is what the person read: another one is told.

    A time later than the promised day moves that day, because both sides wanted it. Twice is as good as once.
    NotFound, CannotNow, NothingProposed, TimeChanged, TimeWrong.
    """
    with transaction():
        booking = lock_own(actor, no) if actor.kind == "staff" else _lock_members(actor, no)
        _in_state(booking, *PICK_UP)
        if booking.proposed_at is None and booking.appointment_at is not None and booking.appointment_at == seen:
            return booking.appointment_at
        if booking.proposed_at is None or booking.proposed_by != (MEMBER if actor.kind == "staff" else DEALER):
            raise NothingProposed
        if seen is not None and seen != booking.proposed_at:
            raise TimeChanged
        _still_to_come(booking.proposed_at, now)
        return _agree(booking, actor, now)


@retry_deadlock
def assign_car(actor: Actor, no: str, vin: str, now: datetime) -> None:
    """Put one car on the booking; a unique key keeps it off every other. Another car later needs a leading person.

    NotFound, VinWrong, VinTaken, ConfirmFirst, CannotNow, LeadOnly.
    """
    vin = clean_vin(vin)
    problem = vin_problem(vin)
    if problem is not None:
        raise VinWrong(problem)
    try:
        with transaction():
            booking = lock_own(actor, no)
            if booking.state == BookingState.DEPOSIT_PAID:
                raise ConfirmFirst
            _in_state(booking, BookingState.CONFIRMED, BookingState.CAR_READY)
            before = booking.vin
            if before == vin:
                return
            if before is not None and actor.role not in LEADING:
                raise LeadOnly("更换已分配的车辆需要店长或经销商管理员办理。")
            booking.vin = vin
            db.session.flush()
            tell(booking.id, "car_assigned", actor, now, f"车架号后六位 {vin[-6:]}")
            audit.record(actor, "booking_car_assigned", "booking", booking.id, vin=vin, before=before)
    except IntegrityError:  # the one booking for each car
        raise VinTaken from None


@retry_deadlock
def mark_ready(actor: Actor, no: str, now: datetime) -> Outcome:
    """Say that the assigned car waits in the store: once, by the promised day.

    NotFound, NoCarYet, ConfirmFirst, PromiseMissed, CannotNow.
    """
    with transaction():
        booking = lock_own(actor, no)
        if booking.state == BookingState.CAR_READY:
            return _said_before(booking, "booking_car_ready", booking.ready_at)
        if booking.state == BookingState.DEPOSIT_PAID:
            raise ConfirmFirst
        _in_state(booking, BookingState.CONFIRMED)
        if missed(booking.ready_by, now):
            raise PromiseMissed("备车", say(booking.ready_by or now))
        if booking.vin is None:
            raise NoCarYet
        booking.ready_at = now
        move(booking, Change(BookingAction.PREPARE, "car_ready", f"车架号后六位 {booking.vin[-6:]}"), actor, now)
        return Outcome(first=True)


@retry_deadlock
def mark_no_show(actor: Actor, no: str, reason: str, now: datetime) -> Outcome:
    """Say that the customer stayed away, once until another time is agreed. Of 定金, headquarters decides.

    Who asked for another time did not stay away before the store has answered. NotFound, LeadOnly, ReasonNeeded,
    CannotNow, NoShowTooEarly, AnswerFirst.
    """
    reason = " ".join(reason.split())[:MAX_REASON]
    if actor.role not in LEADING:
        raise LeadOnly
    if len(reason) < MIN_REASON:
        raise ReasonNeeded
    with transaction():
        booking = lock_own(actor, no)
        _in_state(booking, BookingState.CONFIRMED, BookingState.CAR_READY)
        if booking.no_show_at is not None:
            return _said_before(booking, "booking_no_show", booking.no_show_at)
        since = no_show_from(booking.appointment_at, booking.ready_at)
        if since is None or now < since:
            raise NoShowTooEarly(say(since) if since else None)
        if booking.proposed_by == MEMBER:
            raise AnswerFirst(say(booking.proposed_at or now))
        booking.no_show_at, booking.no_show_reason = now, reason
        tell(booking.id, "no_show", actor, now, reason)
        audit.record(actor, "booking_no_show", "booking", booking.id)
        if not refundable(booking.earnest_kind):
            cases.open_case(booking.id, "forfeit", f"未按约到店：{reason}", actor, now)
        return Outcome(first=True)


def lock_own(actor: Actor, no: str) -> Booking:
    """A booking of the actor's own store, locked; any other is NotFound."""
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    mine = select(Booking.id).where(Booking.no == no, Booking.dealer_id == actor.dealer_id)
    booking = _lock(db.session.scalar(mine))
    if booking.dealer_id != actor.dealer_id:
        raise NotFound  # moved to another store a moment ago
    return booking


def _lock_members(actor: Actor, no: str) -> Booking:
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    return _lock(db.session.scalar(select(Booking.id).where(Booking.no == no, Booking.member_id == actor.id)))


def _lock(booking_id: int | None) -> Booking:
    if booking_id is None:
        raise NotFound
    return lock_booking(booking_id)


def _in_state(booking: Booking, *states: BookingState) -> None:
    if booking.state not in states:
        raise CannotNow(state_words(booking.state, booking.earnest_kind))


def _propose(booking: Booking, side: str, at: datetime, actor: Actor, now: datetime) -> None:
    problem = time_problem(at, now)
    if problem is not None:
        raise TimeWrong(problem)
    pending = booking.proposed_at is not None
    if (booking.proposed_at, booking.proposed_by) == (at, side) or (not pending and booking.appointment_at == at):
        return
    booking.proposed_at, booking.proposed_by = at, side
    tell(booking.id, "time_proposed" if side == DEALER else "time_asked", actor, now, say(at))
    audit.record(actor, "booking_time_proposed", "booking", booking.id, at=at.isoformat())


def _still_to_come(proposed: datetime, now: datetime) -> None:
    if proposed <= now:
        raise TimeWrong("提议的时间已经过去，请另提一个时间。")


def _agree(booking: Booking, actor: Actor, now: datetime) -> datetime:
    at = booking.proposed_at or now
    booking.appointment_at, booking.proposed_at, booking.proposed_by = at, None, None
    booking.no_show_at, booking.no_show_reason = None, ""
    if booking.ready_by is not None and booking.ready_at is None and at > booking.ready_by:
        booking.ready_by = at
    tell(booking.id, "time_agreed", actor, now, say(at))
    audit.record(actor, "booking_time_agreed", "booking", booking.id, at=at.isoformat())
    return at


def _said_before(booking: Booking, action: str, at: datetime | None) -> Outcome:
    """Who took this very step before, from the trail."""
    name = db.session.scalar(
        select(StaffMember.name)
        .join(AuditEntry, AuditEntry.actor_id == StaffMember.id)
        .where(
            AuditEntry.subject_kind == "booking",
            AuditEntry.subject_id == booking.id,
            AuditEntry.action == action,
            AuditEntry.actor_kind == "staff",
        )
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    return Outcome(False, mask_name(name) if name else "", say(at) if at else "")
