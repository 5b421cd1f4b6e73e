"""Placing a booking: cheap refusals first, then one short transaction that takes a unit and a place."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from app.booking.errors import (
    ColourGone,
    DealerUnavailable,
    DealNotRunning,
    DealPaused,
    LimitReached,
    PriceChanged,
    SoldOut,
    SoldOutQueue,
    TermsChanged,
)
from app.booking.models import Booking
from app.booking.queries.facts import find_surcharge
from app.booking.queries.offers import (
    Before,
    Offered,
    Placed,
    Standing,
    find_standing,
    lock_offered,
    look_before,
    look_for_same,
)
from app.booking.rules import (
    HOLD,
    SHARING_TEXT,
    TERMS_VERSION,
    BookingState,
    DealPhase,
    phase_of,
    terms_of,
)
from app.booking.services import agreements, limits, stock
from app.booking.services.change import tell
from app.core import audit, ids
from app.core.db import execute, retry_deadlock, table_of, transaction
from app.core.errors import NotFound
from app.core.security import Actor, fingerprint
from app.members import queries as members
from app.members import services as member_services
from app.members.errors import CodeWrong
from app.members.services import Agreed
from app.visits.rules import Touch
from app.visits.services import credit

_PLACE = insert(table_of(Booking)).returning(table_of(Booking).c.id)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form says: one unit of this deal at this dealer, at the price and terms that were shown.

    `address_digest` names the network address without telling it; None where there is none (the counter, a test).
    `touch`: the visit to credit.
    """

    deal_slug: str
    dealer_id: int
    name: str
    phone: str
    idempotency_key: str
    seen_price_fen: int
    terms_version: str
    share_with_dealer: bool = True
    address_digest: str | None = None
    colour: str = ""  # empty: chosen in the store
    seen_surcharge_fen: int = 0
    touch: Touch | None = None


def prove_phone(actor: Actor, phone: str, code: str, now: datetime, *, secret: str) -> None:
    """Make sure the number belongs to the member; a code is asked for only when it is not proved yet. CodeWrong."""
    if actor.id is None:
        raise NotFound
    if not members.has_verified_phone(actor.id, phone):
        try:
            member_services.verify_code(actor.id, phone, code, now, secret=secret)
        except CodeWrong:
            # The other tap of a double tap may have spent this very code a moment ago.
            if not members.has_verified_phone(actor.id, phone):
                raise


def digest_address(address: str | None, *, secret: str) -> str | None:
    """Under what an address is counted while its hold is unpaid."""
    return fingerprint(secret, "address", address) if address else None


def place_booking(actor: Actor, wish: Wish, now: datetime) -> Placed:
    """Hold one unit for fifteen minutes. The same idempotency key gives the same booking again.

    NotFound, DealNotRunning, DealPaused, SoldOut, DealerSoldOut, OfferElsewhere, PriceChanged, TermsChanged,
    ColourGone, DealerUnavailable, LimitReached, TooManyHolds, AccountGone.
    """
    member_id = actor.id
    if actor.kind != "member" or member_id is None:
        raise NotFound
    # Refusals that need no lock; the guarded UPDATE decides again.
    before = look_before(wish.deal_slug, member_id, wish.dealer_id, wish.idempotency_key, now)
    if before is None:
        raise NotFound
    if before.same is not None:
        return before.same
    _refuse(before.deal, wish, now, kept=before.kept)
    if before.dealer_slug is None:
        raise DealerUnavailable
    agreements.keep(terms_of(before.deal), now)
    try:
        return _take(actor, member_id, wish, before, now)
    except _SentBefore as exc:
        return exc.placed
    except IntegrityError as exc:
        # The same form for another deal, or a place within the limit, came at this very moment.
        known = look_for_same(member_id, wish.idempotency_key)
        if known is None:
            raise LimitReached from exc
        return known


class _SentBefore(Exception):
    """The same form's other tap was faster: what this one has written is undone."""

    def __init__(self, placed: Placed) -> None:
        self.placed = placed


class _Otherwise(Exception):
    """Something is not as it was read: what was written is undone, and decided with the deal locked first."""


def _take(actor: Actor, member_id: int, wish: Wish, before: Before, now: datetime) -> Placed:
    if not before.kept:
        with suppress(_Otherwise, IntegrityError):
            return _take_last(actor, member_id, wish, before, now)
    return _take_first(actor, member_id, wish, before, now)


@retry_deadlock
def _take_last(actor: Actor, member_id: int, wish: Wish, before: Before, now: datetime) -> Placed:
    """For the crowd, who all wait for one deal: all is written first, and the deal is locked for a moment only."""
    no, deal = ids.number("B", now), before.deal
    with transaction():
        member_services.hold_member(member_id)
        _record_consents(member_id, wish, before, no, now)
        placed = _write(deal, member_id, limits.FIRST, wish, no, now)
        _report(actor, placed, deal.id, wish, now)
        if not stock.take_as_seen(deal, wish.dealer_id, now):
            raise _Otherwise
        standing = _find_standing(deal.id, member_id, wish, now)
        if standing.offer is not None or not limits.within(standing, deal.per_person):
            raise _Otherwise
        return placed


@retry_deadlock
def _take_first(actor: Actor, member_id: int, wish: Wish, before: Before, now: datetime) -> Placed:
    """For everybody else: what is true of the deal and the person is read with the deal locked, and says why not."""
    no, deal_id = ids.number("B", now), before.deal.id
    with transaction():
        member_services.hold_member(member_id)
        _record_consents(member_id, wish, before, no, now)
        deal = lock_offered(deal_id)
        standing = _find_standing(deal_id, member_id, wish, now)
        if standing.same is not None:
            raise _SentBefore(standing.same)
        _refuse(deal, wish, now, kept=standing.offer is not None)
        slot = limits.claim_slot(deal_id, member_id, deal.per_person, standing)
        stock.take(deal, wish.dealer_id, now, standing.offer)
        placed = _write(deal, member_id, slot, wish, no, now)
        if standing.offer is not None:
            stock.settle(standing.offer.id, placed.id)
        _report(actor, placed, deal_id, wish, now)
        return placed


def _find_standing(deal_id: int, member_id: int, wish: Wish, now: datetime) -> Standing:
    return find_standing(
        deal_id, member_id, wish.idempotency_key, phone=wish.phone, address=wish.address_digest, now=now
    )


def _report(actor: Actor, placed: Placed, deal_id: int, wish: Wish, now: datetime) -> None:
    """Its timeline, its visit and the audit trail."""
    tell(placed.id, "held", actor, now)
    credit(wish.touch, "booking", placed.id, wish.dealer_id, now)
    audit.record(actor, "booking_placed", "booking", placed.id, deal_id=deal_id, dealer_id=wish.dealer_id)


def _record_consents(member_id: int, wish: Wish, before: Before, no: str, now: datetime) -> None:
    """What was ticked. The terms are those of the version that was seen, or nothing is booked at all."""
    terms = terms_of(before.deal)
    ticked = [Agreed("terms", terms.version, terms.text, subject=no)]
    if wish.share_with_dealer and before.dealer_slug is not None:
        ticked.append(Agreed("share_with_dealer", TERMS_VERSION, SHARING_TEXT, before.dealer_slug, reference=no))
    member_services.record_new_consents(member_id, ticked, now)


def _refuse(deal: Offered, wish: Wish, now: datetime, *, kept: bool) -> None:
    """`kept`: a unit is offered to this person, so that a sold-out deal is none."""
    phase = phase_of(deal, now)
    if phase is DealPhase.SOLD_OUT and not kept:
        raise SoldOutQueue if deal.queue_when_sold_out else SoldOut
    if phase is DealPhase.PAUSED:
        raise DealPaused
    if phase not in (DealPhase.RUNNING, DealPhase.SOLD_OUT):
        raise DealNotRunning
    if wish.seen_price_fen != deal.price_fen:
        raise PriceChanged
    if wish.terms_version != terms_of(deal).version:
        raise TermsChanged


def _surcharge(deal: Offered, wish: Wish) -> int:
    """What the chosen colour costs more, if that is what the form said."""
    if not wish.colour:
        return 0
    surcharge = find_surcharge(deal.id, wish.colour)
    if surcharge is None:
        raise ColourGone
    if surcharge != wish.seen_surcharge_fen:
        raise PriceChanged
    return surcharge


def _write(deal: Offered, member_id: int, slot: int, wish: Wish, no: str, now: datetime) -> Placed:
    terms, hold_until = terms_of(deal), now + HOLD
    row = {
        "no": no,
        "deal_id": deal.id,
        "member_id": member_id,
        "dealer_id": wish.dealer_id,
        "slot": slot,
        "idempotency_key": wish.idempotency_key,
        "car_name": deal.car_name,
        "msrp_fen": deal.msrp_fen,
        "price_fen": deal.price_fen,
        "colour": wish.colour,
        "surcharge_fen": _surcharge(deal, wish),
        "earnest_kind": deal.earnest_kind,
        "earnest_fen": deal.earnest_fen,
        "contact_name": wish.name,
        "contact_phone": wish.phone,
        "address_digest": wish.address_digest,
        "terms_version": terms.version,
        "terms_hash": terms.digest,
        "state": BookingState.HELD,
        "hold_until": hold_until,
        "confirm_hours": deal.confirm_hours,
        "ready_days": deal.ready_days,
        "balance_from": deal.balance_starts_at,
        "balance_until": deal.balance_ends_at,
        "created_at": now,
        "state_at": now,
    }
    return Placed(execute(_PLACE, row).scalar_one(), no, hold_until)
