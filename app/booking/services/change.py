"""How a booking's state moves: locked after its deal, decided by the table, one event, one audit entry."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update

from app.booking.models import Booking, BookingEvent, OnePriceDeal
from app.booking.rules import EVENT_WORDS, KEEPS_UNIT, BookingAction, BookingState, target
from app.booking.services import stock
from app.core import audit
from app.core.db import db, execute, forget, table_of
from app.core.security import Actor
from app.coupons.services import hold
from app.messages.services import notify

# Which lines of the timeline are also told as messages.
NOTICES = {
    "expired": "hold_over",
    "deposit_paid": "deposit_paid",
    "late_payment": "late_money",
    "double_payment": "late_money",
    "rescued": "rescued",
    "queued_first": "queued_first",
    "confirmed": "confirmed",
    "time_proposed": "time_proposed",
    "time_agreed": "time_agreed",
    "car_ready": "car_ready",
    "balance_due": "balance_due",
    "balance_paid": "balance_paid",
    "no_show": "no_show",
    "dealer_missed": "dealer_missed",
    "colour_changed": "changed",
    "dealer_changed": "changed",
    "owner_changed": "changed",
    "corrected": "changed",
    "case_opened": "case_opened",
    "case_settled": "case_settled",
    "given_back": "given_back",
    "given_up": "given_up",
    "forfeited": "forfeited",
    "money_returned": "money_returned",
    "refunded": "money_returned",
    "money_handled": "money_handled",
    "refunded_by_hand": "money_handled",
    "store_returned": "store_returned",
    "handed_over": "handed_over",
}


class Standing(NamedTuple):
    """What moving a booking needs to know of it."""

    id: int
    no: str
    deal_id: int
    member_id: int
    dealer_id: int
    car_name: str
    earnest_kind: str
    state: str
    confirm_hours: int  # that the dealer has once the money is there

    def promise(self, paid_at: datetime) -> datetime:
        """Until when the dealer has to confirm."""
        return paid_at + timedelta(hours=self.confirm_hours)


# Prepared once and past the session: every payment notice runs them.
_bookings, _deals = table_of(Booking).c, table_of(OnePriceDeal).c
_STANDING = (
    select(
        *(_bookings[name] for name in Standing._fields[:-1]),
        func.coalesce(_bookings.confirm_hours, _deals.confirm_hours),
    )
    .join(table_of(OnePriceDeal), _deals.id == _bookings.deal_id)
    .where(_bookings.id == bindparam("booking"))
)
_LOCK_BOOKING = select(_bookings.id).where(_bookings.id == bindparam("booking")).with_for_update()
_DEAL_OF = select(_bookings.deal_id).where(_bookings.id == bindparam("booking")).scalar_subquery()
_LOCK_DEAL = select(_deals.id).where(_deals.id == _DEAL_OF).with_for_update(key_share=True)
_STEP = update(table_of(Booking)).where(_bookings.id == bindparam("booking"), _bookings.state == bindparam("before"))
_MOVE = _STEP.values(state=bindparam("after"), state_at=bindparam("at"), address_digest=None)
_MOVE_AND_PROMISE = _MOVE.values(confirm_by=bindparam("by"))
_MOVE_AND_FREE = _MOVE.values(slot=None, vin=None)
_ADD_LINE = insert(table_of(BookingEvent)).returning(table_of(BookingEvent).c.id)


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a booking, for its timeline."""

    action: BookingAction
    event: str
    note: str = ""
    confirm_by: datetime | None = None  # the money is here: from now on the dealer's hours to confirm run


def lock_deal(deal_id: int) -> OnePriceDeal:
    """The deal, locked and read again.

    Here as everywhere its key is left to others (`key_share`): who is about to take a unit has already written a
    booking that points at the deal, and neither waits for the other.
    """
    return db.session.scalars(
        select(OnePriceDeal)
        .where(OnePriceDeal.id == deal_id)
        .with_for_update(of=OnePriceDeal, key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def lock_booking(booking_id: int) -> Booking:
    """The booking, locked after its coupons and its deal and read again."""
    unlocked = db.session.get_one(Booking, booking_id)
    if unlocked.coupon_fen:
        hold.lock(booking_id)
    lock_deal(unlocked.deal_id)
    return db.session.scalars(
        select(Booking)
        .where(Booking.id == booking_id)
        .with_for_update(of=Booking)
        .execution_options(populate_existing=True)
    ).one()


def lock_rows(booking_id: int) -> None:
    """Lock the booking after its deal."""
    execute(_LOCK_DEAL, {"booking": booking_id})
    execute(_LOCK_BOOKING, {"booking": booking_id})


def standing(booking_id: int) -> Standing:
    """How the booking stands in the database now."""
    return Standing(*execute(_STANDING, {"booking": booking_id}).one())


def move(booking: Booking | Standing, change: Change, actor: Actor, now: datetime) -> bool:
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
    line_id = _add_line(booking_id, event, actor, now, note)
    if event in NOTICES:
        _send(standing(booking_id), event, line_id, now, note)


def _add_line(booking_id: int, event: str, actor: Actor, now: datetime, note: str) -> int:
    line = {"booking_id": booking_id, "kind": event, "at": now, "actor_kind": actor.kind, "note": note}
    return execute(_ADD_LINE, line).scalar_one()


def _send(booking: Booking | Standing, event: str, line_id: int, now: datetime, note: str) -> None:
    # 白 → 黑 alone says nothing in a list of messages, where the timeline's title is missing.
    said = f"{EVENT_WORDS[event]} {note}" if note and NOTICES[event] == "changed" else note or EVENT_WORDS[event]
    words = {"car": booking.car_name, "note": said}
    key = f"booking-event:{line_id}"
    notify(booking.member_id, NOTICES[event], key, words, now, href=f"/bookings/{booking.no}")


def _set_state(
    booking: Booking | Standing, after: BookingState, change: Change, actor: Actor, now: datetime, *, frees: bool
) -> bool:
    before, booking_id, deal_id = booking.state, booking.id, booking.deal_id
    step: dict[str, Any] = {"booking": booking_id, "before": before, "after": after, "at": now}
    statement = _MOVE_AND_FREE if frees else _MOVE
    if change.confirm_by is not None:
        statement, step["by"] = _MOVE_AND_PROMISE, change.confirm_by
    if execute(statement, step).rowcount != 1:
        return False
    forget(Booking, booking_id)
    if frees:
        stock.give_back(deal_id, booking.dealer_id, now)
        _give_coupons_back(booking, before, actor, now)
    line_id = _add_line(booking_id, change.event, actor, now, change.note)
    if change.event in NOTICES:
        _send(booking, change.event, line_id, now, change.note)
    audit.record(actor, f"booking_{change.event}", "booking", booking_id, before=before, after=after)
    return True


def _give_coupons_back(booking: Booking | Standing, before: str, actor: Actor, now: datetime) -> None:
    """Its coupons are free again; what an unpaid booking owes is as if none had been used."""
    if hold.release(booking.id, booking.dealer_id, actor, now) and before == BookingState.HELD:
        whole = {"coupon_fen": 0, "earnest_fen": Booking.price_fen + Booking.surcharge_fen}
        db.session.execute(update(Booking).where(Booking.id == booking.id).values(whole))
        forget(Booking, booking.id)
