"""How much of a deal one person, one phone, one address may hold; asked with the deal locked, so nobody races past."""

from datetime import datetime

from sqlalchemy import and_, bindparam, func, select

from app.booking.errors import LimitReached, PhoneLimitReached, TooManyHolds
from app.booking.models import Booking
from app.booking.rules import HOLDS_PER_ADDRESS, free_slot
from app.core.db import execute, table_of

_bookings = table_of(Booking).c
_of_deal = _bookings.deal_id == bindparam("deal")
_SLOTS = select(_bookings.slot).where(_of_deal, _bookings.member_id == bindparam("member"), _bookings.slot.is_not(None))
_BY_PHONE = select(func.count()).where(
    _of_deal, _bookings.contact_phone == bindparam("phone"), _bookings.slot.is_not(None)
)
_BY_ADDRESS = select(func.count()).where(
    and_(_of_deal, _bookings.address_digest == bindparam("address"), _bookings.hold_until > bindparam("now"))
)
_HELD = select(_BY_PHONE.scalar_subquery(), _BY_ADDRESS.scalar_subquery())


def find_slot(deal_id: int, member_id: int, per_person: int) -> int | None:
    """The person's first free place within the limit of the deal."""
    rows = execute(_SLOTS, {"deal": deal_id, "member": member_id}).rows
    return free_slot({row[0] for row in rows}, per_person)


def claim_slot(deal_id: int, member_id: int, per_person: int, *, phone: str, address: str | None, now: datetime) -> int:
    """The place this booking gets. LimitReached, PhoneLimitReached, TooManyHolds.

    One phone counts like one person, whatever accounts it was proved with. Unpaid holds of one address are bounded,
    so that nobody keeps a deal empty for fifteen minutes with a pocketful of accounts.
    """
    slot = find_slot(deal_id, member_id, per_person)
    if slot is None:
        raise LimitReached
    given = {"deal": deal_id, "phone": phone, "address": address, "now": now}
    of_phone, of_address = execute(_HELD, given).one()
    if of_phone >= per_person:
        raise PhoneLimitReached
    if of_address >= HOLDS_PER_ADDRESS:
        raise TooManyHolds
    return slot
