"""The read side of bookings: a member's own, and those of a store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import literal, select
from sqlalchemy.orm import joinedload, selectinload

from app.booking.models import Booking, BookingCase
from app.booking.rules import (
    BAD_EVENTS,
    EVENT_WORDS,
    PICK_UP,
    REFUND_TROUBLE,
    REFUND_TROUBLE_WORDS,
    BookingState,
    earnest_rule,
    path,
    state_words,
)
from app.core.clock import SHANGHAI, local, say
from app.core.db import db, phone_tail
from app.core.errors import NotFound
from app.reviews.models import Review
from app.reviews.queries import find_review
from app.reviews.rules import SubjectKind

SAID_TWICE = timedelta(days=1)  # how long a typed code still finds that the car was handed over
STILL_CHANGING = (BookingState.HELD, *PICK_UP, BookingState.REFUNDING)
# As the index of phone tails has it; the planner must see the states themselves.
_SEEN_AT_COUNTERS = Booking.state.in_(
    [literal(state.value, literal_execute=True) for state in (*PICK_UP, BookingState.HANDED_OVER)]
)
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
    """Everything a booking's own page says but the money."""

    booking: Booking
    words: str
    steps: list[Step]
    next_step: str
    rule: str
    rest_fen: int
    has_code: bool
    may_extend: bool
    payable: bool
    changing: bool
    may_review: bool
    review: Review | None
    proposal: datetime | None  # of the dealer, waiting for the customer's answer
    asked: datetime | None  # of the customer, waiting for the dealer's
    mark: str  # another one says that the page is to be read anew


def list_bookings(member_id: int, limit: int = 50) -> Sequence[Booking]:
    """A member's bookings, newest first."""
    return db.session.scalars(
        select(Booking)
        .options(joinedload(Booking.dealer), joinedload(Booking.deal))
        .where(Booking.member_id == member_id)
        .order_by(Booking.id.desc())
        .limit(limit)
    ).all()


def list_own(member_id: int, now: datetime) -> list[tuple[Booking, str, str]]:
    """A member's bookings, newest first: each with its word, and with what comes next while it runs."""
    return [
        (
            b,
            _words(b, now),
            path.next_sentence(_facts(b, False, now)) if b.state in STILL_CHANGING else "",
        )
        for b in list_bookings(member_id)
    ]


def get_booking(no: str, member_id: int) -> Booking:
    """A member's own booking, read afresh; somebody else's is NotFound."""
    booking = db.session.scalar(
        select(Booking)
        .options(joinedload(Booking.dealer), joinedload(Booking.deal), selectinload(Booking.events))
        .where(Booking.no == no, Booking.member_id == member_id)
        .execution_options(populate_existing=True)
    )
    if booking is None:
        raise NotFound
    return booking


def export_own(member_id: int) -> list[dict[str, object]]:
    """What this room keeps about a person, as plain values for the person's own copy."""
    bookings = db.session.scalars(
        select(Booking)
        .options(joinedload(Booking.dealer), selectinload(Booking.events))
        .where(Booking.member_id == member_id)
        .order_by(Booking.id.desc())
    ).all()
    mine = select(Booking.id).where(Booking.member_id == member_id)
    cases = db.session.scalars(select(BookingCase).where(BookingCase.booking_id.in_(mine))).all()
    return [
        {
            "no": b.no,
            "car": b.car_name,
            "dealer": b.dealer.name,
            "name": b.contact_name,
            "phone": b.contact_phone,
            "owner": b.owner_name,
            "colour": b.colour,
            "vin": b.vin,
            "price_fen": b.total_fen,
            "earnest_kind": b.earnest_kind,
            "earnest_fen": b.earnest_fen,
            "terms": f"{b.terms_version} sha256:{b.terms_hash}",
            "balance_document": b.balance_document,
            "appointment_at": local(b.appointment_at).isoformat() if b.appointment_at else None,
            "no_show": b.no_show_reason,
            "state": b.state,
            "created_at": local(b.created_at).isoformat(),
            "events": [{"at": local(e.at).isoformat(), "kind": e.kind, "note": e.note} for e in b.events],
            "cases": [{"kind": c.kind, "reason": c.reason, "answer": c.answer} for c in cases if c.booking_id == b.id],
        }
        for b in bookings
    ]


def get_booking_page(no: str, member_id: int, now: datetime) -> BookingPage:
    """What `/bookings/<no>` says to its owner; NotFound for everybody else."""
    booking = get_booking(no, member_id)
    state = BookingState(booking.state)
    held, over = state is BookingState.HELD, state is BookingState.HANDED_OVER
    review = find_review(SubjectKind.BOOKING, booking.id) if over else None
    facts = _facts(booking, review is not None, now)
    running = state in PICK_UP
    return BookingPage(
        booking=booking,
        words=_words(booking, now),
        steps=_steps(booking, facts),
        next_step=_next_step(booking, facts),
        rule=earnest_rule(booking.earnest_kind),
        rest_fen=booking.balance_fen if booking.balance_open else 0,
        has_code=running,
        may_extend=held and booking.hold_extended_at is None and now < booking.hold_until,
        payable=held and now < booking.hold_until,
        changing=state in STILL_CHANGING or now - booking.state_at < NEWS_FOR,
        may_review=over and review is None,
        review=review,
        proposal=booking.proposed_at if running and booking.proposed_by == "dealer" else None,
        asked=booking.proposed_at if running and booking.proposed_by == "member" else None,
        mark=f"{state}-{len(booking.events)}",
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
        .where(phone_tail(Booking.contact_phone) == tail, _SEEN_AT_COUNTERS, Booking.state.in_(PICK_UP) | just_now)
        .options(joinedload(Booking.dealer))
        .order_by(Booking.id.desc())
    ).all()


def day_start(now: datetime) -> datetime:
    """Midnight in Shanghai before this moment."""
    return now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)


def _next_step(booking: Booking, facts: path.Facts) -> str:
    """The one sentence above the timeline."""
    if booking.events and booking.events[-1].kind == REFUND_TROUBLE:
        return f"{REFUND_TROUBLE_WORDS}，进展会显示在这里。"
    return path.next_sentence(facts)


def _steps(booking: Booking, facts: path.Facts) -> list[Step]:
    """What happened, when and by whom, then what comes next, by when and what if not."""
    kind = booking.earnest_kind
    done = [
        Step(
            EVENT_WORDS.get(event.kind, event.kind).replace("订金", kind),
            "bad" if event.kind in BAD_EVENTS else "done",
            f"{say(event.at)} · {path.WHO.get(event.actor_kind, path.HOUSE)}",
            event.note,
        )
        for event in booking.events
    ]
    ahead = [Step(step.title, "todo", step.when, step.text) for step in path.ahead(facts)]
    if ahead:
        ahead[0] = replace(ahead[0], state="now")
    return done + ahead


def _over(booking: Booking, now: datetime) -> bool:
    return booking.state == BookingState.HELD and now >= booking.hold_until


def _words(booking: Booking, now: datetime) -> str:
    """The state in a word; a hold whose time is up is over, also while the worker has not released it."""
    return "已超时" if _over(booking, now) else state_words(booking.state, booking.earnest_kind)


def _facts(booking: Booking, reviewed: bool, now: datetime) -> path.Facts:
    return path.Facts(
        state=booking.state,
        kind=booking.earnest_kind,
        earnest_fen=booking.earnest_fen,
        balance_fen=booking.balance_fen if booking.balance_open else 0,
        confirm_hours=booking.promised_hours,
        ready_days=booking.promised_days,
        hold_until=booking.hold_until,
        confirm_by=booking.confirm_by,
        ready_by=booking.ready_by,
        balance_from=booking.balance_from,
        balance_until=booking.balance_until,
        appointment_at=booking.appointment_at,
        proposed_at=booking.proposed_at,
        proposed_by=booking.proposed_by,
        reviewed=reviewed,
        no_show=booking.no_show_at is not None,
        hold_over=_over(booking, now),
    )
