"""How a booking's state moves: locked after its deal, decided by the table, one event, one audit entry."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from app.booking.models import Booking, BookingEvent, OnePriceDeal
from app.booking.rules import KEEPS_UNIT, BookingAction, BookingState, target
from app.core import audit
from app.core.db import changed_rows, db
from app.core.security import Actor
from app.messages.services import notify

# Which lines of the timeline are also told as messages.
NOTICES = {
    "deposit_paid": "deposit_paid",
    "late_payment": "late_money",
    "double_payment": "late_money",
    "money_returned": "money_returned",
    "refunded": "money_returned",
    "handed_over": "handed_over",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a booking, for its timeline."""

    action: BookingAction
    event: str
    note: str = ""


def lock_deal(deal_id: int) -> OnePriceDeal:
    """The deal, locked and read again."""
    return db.session.scalars(
        select(OnePriceDeal)
        .where(OnePriceDeal.id == deal_id)
        .with_for_update(of=OnePriceDeal)
        .execution_options(populate_existing=True)
    ).one()


def lock_booking(booking_id: int) -> Booking:
    """The booking, locked after its deal and read again."""
    lock_deal(db.session.get_one(Booking, booking_id).deal_id)
    return db.session.scalars(
        select(Booking)
        .where(Booking.id == booking_id)
        .with_for_update(of=Booking)
        .execution_options(populate_existing=True)
    ).one()


def move(booking: Booking, change: Change, actor: Actor, now: datetime) -> bool:
    """Take one step of the table; False when it is not a step from here. The booking must be locked.

    A step that gives up the unit returns it to the deal; the guard on the state makes that happen once.
    """
    before = booking.state
    after = target(before, change.action)
    if after is None:
        return False
    frees = before in KEEPS_UNIT and after not in KEEPS_UNIT
    return _set_state(booking, after, change, actor, now, frees=frees)


def restore(booking: Booking, state: BookingState, event: str, actor: Actor, now: datetime) -> bool:
    """Undo a hand-over: back to the state before it. The only way backwards, and it frees nothing."""
    change = Change(BookingAction.HAND_OVER, event)
    return _set_state(booking, state, change, actor, now, frees=False)


def tell(booking_id: int, event: str, actor: Actor, now: datetime, note: str = "") -> None:
    """Add a line to the timeline; the member is told of what matters, once for each line."""
    line = BookingEvent(booking_id=booking_id, kind=event, at=now, actor_kind=actor.kind, note=note)
    db.session.add(line)
    if purpose := NOTICES.get(event):
        db.session.flush()
        booking = db.session.get_one(Booking, booking_id)
        words = {"car": booking.car_name, "note": note}
        notify(booking.member_id, purpose, f"booking-event:{line.id}", words, now, href=f"/bookings/{booking.no}")


def _set_state(
    booking: Booking, after: BookingState, change: Change, actor: Actor, now: datetime, *, frees: bool
) -> bool:
    before = booking.state
    values: dict[str, object] = {"state": after, "state_at": now}
    if frees:
        values["slot"] = None
    step = update(Booking).where(Booking.id == booking.id, Booking.state == before).values(**values)
    if changed_rows(step) != 1:
        return False
    if frees:
        give_back = (
            update(OnePriceDeal)
            .where(OnePriceDeal.id == booking.deal_id, OnePriceDeal.units_left < OnePriceDeal.units_total)
            .values(units_left=OnePriceDeal.units_left + 1)
        )
        changed_rows(give_back)
    tell(booking.id, change.event, actor, now, change.note)
    audit.record(actor, f"booking_{change.event}", "booking", booking.id, before=before, after=after)
    db.session.refresh(booking)
    return True
