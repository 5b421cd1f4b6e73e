"""How much of a deal one person, one phone, one address may hold; asked with the deal locked, so nobody races past."""

from sqlalchemy import bindparam, select

from app.booking.errors import LimitReached, PhoneLimitReached, TooManyHolds
from app.booking.models import Booking
from app.booking.queries.offers import Standing
from app.booking.rules import HOLDS_PER_ADDRESS, free_slot
from app.core.db import execute, table_of

FIRST = 1
_bookings = table_of(Booking).c
_of_deal = _bookings.deal_id == bindparam("deal")
_SLOTS = select(_bookings.slot).where(_of_deal, _bookings.member_id == bindparam("member"), _bookings.slot.is_not(None))


def find_slot(deal_id: int, member_id: int, per_person: int) -> int | None:
    """The person's first free place within the limit of the deal."""
    rows = execute(_SLOTS, {"deal": deal_id, "member": member_id}).rows
    return free_slot({row[0] for row in rows}, per_person)


def within(standing: Standing, per_person: int) -> bool:
    """Whether a booking that stands already, at the person's first place, is one that may stand."""
    return standing.taken == 1 and standing.of_phone <= per_person and standing.of_address <= HOLDS_PER_ADDRESS


def claim_slot(deal_id: int, member_id: int, per_person: int, standing: Standing) -> int:
    """The place this booking gets. LimitReached, PhoneLimitReached, TooManyHolds.

    One phone counts like one person, whatever accounts it was proved with. Unpaid holds of one address are bounded,
    so that nobody keeps a deal empty for fifteen minutes with a pocketful of accounts.
    """
    slot = find_slot(deal_id, member_id, per_person) if standing.taken else FIRST
    if slot is None:
        raise LimitReached
    if standing.of_phone >= per_person:
        raise PhoneLimitReached
    if standing.of_address >= HOLDS_PER_ADDRESS:
        raise TooManyHolds
    return slot
