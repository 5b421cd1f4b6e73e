"""The read side of bookings: a member's own, and those of a store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app.booking.models import Booking
from app.booking.rules import (
    AHEAD,
    BAD_EVENTS,
    EVENT_WORDS,
    NEXT_STEPS,
    PICK_UP,
    REFUND_TROUBLE,
    REFUND_TROUBLE_WORDS,
    BookingState,
    earnest_rule,
    refundable,
    state_words,
)
from app.core.clock import SHANGHAI, local, say
from app.core.db import db
from app.core.errors import NotFound

SAID_TWICE = timedelta(days=1)  # how long a typed code still finds that the car was handed over
STILL_CHANGING = (BookingState.HELD, *PICK_UP, BookingState.REFUNDING)
NEWS_FOR = timedelta(minutes=10)  # late money or an undone hand-over may follow soon after the end


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a timeline: `state` is done, now, todo or bad."""

    title: str
    state: str
    time: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class BookingPage:
    """Everything a booking's own page says."""

    booking: Booking
    words: str
    steps: list[Step]
    next_step: str
    rule: str
    rest_fen: int
    has_code: bool
    may_cancel: bool
    payable: bool
    changing: bool


def list_bookings(member_id: int, limit: int = 50) -> Sequence[Booking]:
    """A member's bookings, newest first."""
    return db.session.scalars(
        select(Booking)
        .options(joinedload(Booking.dealer))
        .where(Booking.member_id == member_id)
        .order_by(Booking.id.desc())
        .limit(limit)
    ).all()


def get_booking(no: str, member_id: int) -> Booking:
    """A member's own booking, read afresh; somebody else's is NotFound."""
    booking = db.session.scalar(
        select(Booking)
        .options(joinedload(Booking.dealer), selectinload(Booking.events))
        .where(Booking.no == no, Booking.member_id == member_id)
        .execution_options(populate_existing=True)
    )
    if booking is None:
        raise NotFound
    return booking


def export_own(member_id: int) -> list[dict[str, object]]:
    """What this room keeps about a person, as plain values for the person's own copy."""
    return [
        {
            "no": b.no,
            "car": b.car_name,
            "dealer": b.dealer.name,
            "name": b.contact_name,
            "phone": b.contact_phone,
            "price_fen": b.price_fen,
            "earnest_kind": b.earnest_kind,
            "earnest_fen": b.earnest_fen,
            "state": b.state,
            "created_at": local(b.created_at).isoformat(),
        }
        for b in list_bookings(member_id, limit=1000)
    ]


def get_booking_page(no: str, member_id: int, now: datetime) -> BookingPage:
    """What `/bookings/<no>` says to its owner; NotFound for everybody else."""
    booking = get_booking(no, member_id)
    kind, state = booking.earnest_kind, BookingState(booking.state)
    held = state is BookingState.HELD
    return BookingPage(
        booking=booking,
        words=state_words(state, kind),
        steps=_steps(booking),
        next_step=_next_step(booking),
        rule=earnest_rule(kind),
        rest_fen=booking.price_fen - booking.earnest_fen,
        has_code=state in PICK_UP,
        may_cancel=held or (state in PICK_UP and refundable(kind)),
        payable=held and now < booking.hold_until,
        changing=state in STILL_CHANGING or now - booking.state_at < NEWS_FOR,
    )


def find_booking_by_no(no: str) -> Booking | None:
    """A booking of anybody, for staff rooms."""
    return db.session.scalar(
        select(Booking)
        .options(joinedload(Booking.dealer))
        .where(Booking.no == no)
        .execution_options(populate_existing=True)
    )


def find_booking_by_id(booking_id: int) -> Booking | None:
    """The same by its inner id."""
    return db.session.get(Booking, booking_id, populate_existing=True)


def list_by_phone_tail(tail: str, now: datetime) -> Sequence[Booking]:
    """Bookings that a code read aloud may belong to: all that wait for their car, and what was handed over of late."""
    just_now = (Booking.state == BookingState.HANDED_OVER) & (Booking.state_at >= now - SAID_TWICE)
    return db.session.scalars(
        select(Booking)
        .where(Booking.state.in_(PICK_UP) | just_now, Booking.contact_phone.like(f"%{tail}"))
        .options(joinedload(Booking.dealer))
        .order_by(Booking.id.desc())
    ).all()


def list_dealer_bookings(dealer_id: int, since: datetime, limit: int = 100) -> Sequence[Booking]:
    """Paid bookings of a dealer: those waiting for the customer, and what changed since the given moment."""
    return db.session.scalars(
        select(Booking)
        .where(
            Booking.dealer_id == dealer_id,
            Booking.state.in_(PICK_UP)
            | (Booking.state.in_((BookingState.HANDED_OVER, BookingState.REFUNDING)) & (Booking.state_at >= since)),
        )
        .order_by(Booking.state_at.desc())
        .limit(limit)
    ).all()


def day_start(now: datetime) -> datetime:
    """Midnight in Shanghai before this moment."""
    return now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)


def _next_step(booking: Booking) -> str:
    """The one sentence above the timeline."""
    if booking.events and booking.events[-1].kind == REFUND_TROUBLE:
        return f"{REFUND_TROUBLE_WORDS}，进展会显示在这里。"
    words = NEXT_STEPS[BookingState(booking.state)]
    return words.replace("订金", booking.earnest_kind).replace("{until}", say(booking.hold_until))


def _steps(booking: Booking) -> list[Step]:
    """What happened, with its time, then what comes next."""
    kind = booking.earnest_kind
    done = [
        Step(
            EVENT_WORDS.get(event.kind, event.kind).replace("订金", kind),
            "bad" if event.kind in BAD_EVENTS else "done",
            say(event.at),
            event.note,
        )
        for event in booking.events
    ]
    ahead = [Step(title.replace("订金", kind), "todo") for title in AHEAD[BookingState(booking.state)]]
    if ahead:
        ahead[0] = replace(ahead[0], state="now")
    return done + ahead
