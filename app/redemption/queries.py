"""The read side of the counter."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.booking import queries as bookings
from app.booking.models import Booking
from app.booking.rules import mask_name
from app.core.clock import say
from app.core.db import db
from app.core.errors import NotFound
from app.core.security import Actor
from app.dealers.models import Dealer
from app.members.rules import mask_phone
from app.redemption.models import Redemption
from app.redemption.rules import CLERK_UNDO, SUPERVISOR_UNDO, may_undo, needs_reason
from app.staff.models import StaffMember

SUBJECT = "booking"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One redemption as the store reads it."""

    id: int
    no: str
    who: str
    phone: str
    what: str
    price_fen: int
    earnest_kind: str
    earnest_fen: int
    redeemed_at: datetime
    when: str
    staff_name: str
    dealer_name: str
    undone: bool
    undo_text: str
    may_undo: bool
    undo_needs_reason: bool
    undo_until: datetime


def find_standing(booking_id: int) -> tuple[Redemption, str, str] | None:
    """The redemption of this booking that stands, with the names of the store and the clerk."""
    row = db.session.execute(
        select(Redemption, Dealer.name, StaffMember.name)
        .join(Dealer, Dealer.id == Redemption.dealer_id)
        .join(StaffMember, StaffMember.id == Redemption.staff_id)
        .where(Redemption.subject_kind == SUBJECT, Redemption.subject_id == booking_id, Redemption.undone_at.is_(None))
    ).first()
    return (row[0], row[1], row[2]) if row else None


def find_by_nonce(staff_id: int, nonce: str) -> Redemption | None:
    """What this clerk's very confirmation did before."""
    return db.session.scalar(select(Redemption).where(Redemption.staff_id == staff_id, Redemption.nonce == nonce))


def get_receipt(redemption_id: int, actor: Actor, now: datetime) -> Receipt:
    """A redemption of the actor's own store; NotFound."""
    found = list(_receipts(actor, now, Redemption.id == redemption_id))
    if not found:
        raise NotFound
    return found[0]


def list_today(actor: Actor, now: datetime) -> list[Receipt]:
    """Today's redemptions of the actor's store, newest first, undone ones included."""
    return list(_receipts(actor, now, Redemption.redeemed_at >= bookings.day_start(now)))


def count_today(dealer_id: int, now: datetime) -> int:
    """How many hand-overs of today stand."""
    wanted = select(func.count()).where(
        Redemption.dealer_id == dealer_id,
        Redemption.redeemed_at >= bookings.day_start(now),
        Redemption.undone_at.is_(None),
    )
    return db.session.scalar(wanted) or 0


def _receipts(actor: Actor, now: datetime, condition: object) -> list[Receipt]:
    rows = db.session.execute(
        select(Redemption, Booking, StaffMember.name, Dealer.name)
        .join(Booking, Booking.id == Redemption.subject_id)
        .join(StaffMember, StaffMember.id == Redemption.staff_id)
        .join(Dealer, Dealer.id == Redemption.dealer_id)
        .where(Redemption.subject_kind == SUBJECT, Redemption.dealer_id == actor.dealer_id, condition)  # pyright: ignore
        .order_by(Redemption.id.desc())
        .limit(200)
        .execution_options(populate_existing=True)
    )
    return [_receipt(actor, now, *row) for row in rows]


def _receipt(
    actor: Actor, now: datetime, row: Redemption, booking: Booking, staff_name: str, dealer_name: str
) -> Receipt:
    own = row.staff_id == actor.id
    undone = row.undone_at is not None
    return Receipt(
        id=row.id,
        no=booking.no,
        who=mask_name(booking.contact_name),
        phone=mask_phone(booking.contact_phone),
        what=booking.car_name,
        price_fen=booking.total_fen,
        earnest_kind=booking.earnest_kind,
        earnest_fen=booking.earnest_fen,
        redeemed_at=row.redeemed_at,
        when=say(row.redeemed_at),
        staff_name=staff_name,
        dealer_name=dealer_name,
        undone=undone,
        undo_text=f"已于{say(row.undone_at)}撤销" + (f"：{row.undo_reason}" if row.undo_reason else "")
        if row.undone_at
        else "",
        may_undo=may_undo(
            role=actor.role, own=own, same_dealer=True, redeemed_at=row.redeemed_at, undone=undone, now=now
        ),
        undo_needs_reason=needs_reason(own=own, redeemed_at=row.redeemed_at, now=now),
        undo_until=row.redeemed_at + (SUPERVISOR_UNDO if actor.role != "clerk" else CLERK_UNDO),
    )
