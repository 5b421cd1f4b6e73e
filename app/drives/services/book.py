"""Booking a test drive: one car for a while, for one person, once for each form."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.core import audit, ids
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.dealers.models import Dealer
from app.dealers.rules import DealerStatus
from app.drives.errors import NoCarHere, ShareFirst, TooManyDrives
from app.drives.models import TestDrive
from app.drives.queries.cars import thanks_of
from app.drives.rules import BOOKED_AT_ONCE, OPEN, DriveState
from app.drives.rules.states import SHARING_TEXT, SHARING_VERSION
from app.drives.services.taking import lock_slot, take_any
from app.drives.services.telling import tell, tell_store, when
from app.members import queries as members
from app.members import services as member_services
from app.members.errors import CodeWrong
from app.members.services import Agreed
from app.visits.rules import Touch
from app.visits.services import credit


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form says: a car of this series at this store from this moment."""

    dealer_id: int
    series_id: int
    at: datetime
    name: str
    phone: str
    idempotency_key: str
    share: bool = True


def prove_phone(actor: Actor, phone: str, code: str, now: datetime, *, secret: str) -> None:
    """Make sure the number belongs to the member; a code is asked for only when it is not proved yet. CodeWrong."""
    if actor.id is None:
        raise NotFound
    if members.has_verified_phone(actor.id, phone):
        return
    try:
        member_services.verify_code(actor.id, phone, code, now, secret=secret)
    except CodeWrong:
        # The other tap of a double tap may have spent this very code a moment ago.
        if not members.has_verified_phone(actor.id, phone):
            raise


def book(actor: Actor, wish: Wish, now: datetime, *, touch: Touch | None = None) -> str:
    """Take the slot and return the drive's number; the same idempotency key gives the same drive again.

    `touch` is credited with it. NotFound, ShareFirst, NoCarHere, SlotGone, TooManyDrives, AccountGone.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    if (known := _same(actor.id, wish.idempotency_key)) is not None:
        return known
    if not wish.share:
        raise ShareFirst
    dealer = db.session.get(Dealer, wish.dealer_id)
    if dealer is None or dealer.status != DealerStatus.OPEN:
        raise NoCarHere
    thanks, _ = thanks_of(wish.dealer_id, now)
    try:
        return _take(actor, actor.id, wish, dealer.slug, thanks, now, touch)
    except IntegrityError as exc:
        # The other tap of this form, or another form of this person, came at this very moment.
        known = _same(actor.id, wish.idempotency_key)
        if known is None:
            raise TooManyDrives from exc
        return known


@retry_deadlock
def _take(
    actor: Actor, member_id: int, wish: Wish, dealer_slug: str, thanks: str, now: datetime, touch: Touch | None
) -> str:
    no = ids.number("T", now)
    with transaction() as session:
        member_services.hold_member(member_id)
        slot = lock_slot(wish.dealer_id, wish.series_id, wish.at, now)
        agreed = Agreed("share_with_dealer", SHARING_VERSION, SHARING_TEXT, dealer_slug, reference=no)
        member_services.record_new_consents(member_id, [agreed], now)
        drive = TestDrive(
            no=no,
            dealer_id=wish.dealer_id,
            car_id=slot.cars[0],
            series_id=wish.series_id,
            member_id=member_id,
            slot=_free_place(member_id),
            idempotency_key=wish.idempotency_key,
            car_name="",
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            state=DriveState.BOOKED,
            state_at=now,
            contact_name=wish.name,
            contact_phone=wish.phone,
            thanks_slug=thanks,
            created_at=now,
        )
        session.add(drive)
        session.flush()
        take_any(drive, slot.cars)
        credit(touch, "drive", drive.id, drive.dealer_id, now)
        tell(drive, "booked", actor, now, when(drive))
        tell_store(drive, f"新预约，{when(drive)}", now)
        audit.record(actor, "drive_booked", "drive", drive.id, dealer_id=drive.dealer_id, car_id=drive.car_id)
        return no


def _free_place(member_id: int) -> int:
    """The person's next place within the limit; the unique key decides between two forms. TooManyDrives."""
    rows = select(TestDrive.slot).where(TestDrive.member_id == member_id, TestDrive.state.in_(OPEN))
    taken = set(db.session.scalars(rows))
    free = next((place for place in range(1, BOOKED_AT_ONCE + 1) if place not in taken), None)
    if free is None or len(taken) >= BOOKED_AT_ONCE:
        raise TooManyDrives
    return free


def _same(member_id: int, key: str) -> str | None:
    return db.session.scalar(
        select(TestDrive.no).where(TestDrive.member_id == member_id, TestDrive.idempotency_key == key)
    )
