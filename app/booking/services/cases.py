"""Handing a booking to headquarters: opened by a rule, by the store, or asked for by the customer."""

from datetime import datetime

from sqlalchemy import func, select

from app.booking.errors import CaseWordsMissing, DisputeUseless, TooManyDisputes
from app.booking.models import Booking, BookingCase
from app.booking.rules.cancelling import may_dispute
from app.booking.rules.cases import (
    CASE_WAITING,
    DISPUTES_PER_BOOKING,
    MAX_WORDS,
    MIN_WORDS,
    CaseKind,
    CaseState,
)
from app.booking.services.change import lock_booking, lock_rows, tell
from app.core import audit
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.security import SYSTEM, Actor

STORE = "store"


def open_case(booking_id: int, kind: str, reason: str, actor: Actor, now: datetime) -> int:
    """Hand a booking to headquarters; the case's id. One open case of a kind: the second call gets the same."""
    with transaction():
        lock_rows(booking_id)
        same = select(BookingCase.id).where(
            BookingCase.booking_id == booking_id, BookingCase.kind == kind, BookingCase.state == CaseState.OPEN
        )
        known = db.session.scalar(same)
        if known is not None:
            return known
        case = BookingCase(
            booking_id=booking_id,
            kind=kind,
            state=CaseState.OPEN,
            reason=reason[:MAX_WORDS],
            opened_at=now,
            opened_by=actor.kind,
        )
        db.session.add(case)
        db.session.flush()
        tell(booking_id, "case_opened", actor, now, CASE_WAITING[kind])
        audit.record(actor, "booking_case_opened", "booking_case", case.id, booking_id=booking_id, case=kind)
        return case.id


@retry_deadlock
def dispute(actor: Actor, no: str, reason: str, now: datetime) -> int:
    """The customer asks headquarters to look at it, in own words. A second tap gets the case that is open already.

    NotFound, CaseWordsMissing, DisputeUseless, TooManyDisputes.
    """
    reason = " ".join(reason.split())[:MAX_WORDS]
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    if len(reason) < MIN_WORDS:
        raise CaseWordsMissing
    with transaction():
        mine = select(Booking.id).where(Booking.no == no, Booking.member_id == actor.id)
        booking_id = db.session.scalar(mine)
        if booking_id is None:
            raise NotFound
        booking = lock_booking(booking_id)
        if not may_dispute(booking.state):
            raise DisputeUseless
        asked = select(func.count()).where(
            BookingCase.booking_id == booking_id,
            BookingCase.kind == CaseKind.DISPUTE,
            BookingCase.state != CaseState.OPEN,
        )
        if (db.session.scalar(asked) or 0) >= DISPUTES_PER_BOOKING:
            raise TooManyDisputes
        return open_case(booking_id, CaseKind.DISPUTE, reason, actor, now)


def owe_store_balance(booking_id: int, now: datetime) -> int | None:
    """A booking that ends without a car owes the balance that the store took: a case, or None where there is nothing.

    In the caller's transaction, the booking locked. Once: a case that was settled already says it went back.
    """
    booking = db.session.get_one(Booking, booking_id, populate_existing=True)
    if booking.balance_channel != STORE or booking.balance_fen <= 0:
        return None
    done = select(BookingCase.id).where(BookingCase.booking_id == booking_id, BookingCase.kind == CaseKind.STORE_RETURN)
    if (known := db.session.scalar(done)) is not None:
        return known
    reason = f"到店余款，收款单据号 {booking.balance_document}"
    return open_case(booking_id, CaseKind.STORE_RETURN, reason, SYSTEM, now)


def owes_in_store(booking_id: int) -> bool:
    """Whether the store still has to give a balance back."""
    wanted = select(BookingCase.id).where(
        BookingCase.booking_id == booking_id,
        BookingCase.kind == CaseKind.STORE_RETURN,
        BookingCase.state == CaseState.OPEN,
    )
    return db.session.scalar(wanted) is not None
