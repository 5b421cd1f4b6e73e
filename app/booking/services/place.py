"""Placing a booking: cheap refusals first, then one short transaction that takes a unit and a place."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from app.booking import queries
from app.booking.errors import (
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
from app.booking.queries.offers import Offered, find_offered, lock_offered
from app.booking.queries.queue import has_offer
from app.booking.rules import (
    HOLD,
    SHARING_TEXT,
    TERMS_VERSION,
    BookingState,
    DealPhase,
    phase_of,
    terms_of,
)
from app.booking.services import limits, stock
from app.booking.services.change import tell
from app.core import audit, ids
from app.core.db import db, execute, retry_deadlock, table_of, transaction
from app.core.errors import NotFound
from app.core.security import Actor, fingerprint
from app.dealers.models import Dealer
from app.members import queries as members
from app.members import services as member_services
from app.members.errors import CodeWrong

_PLACE = insert(table_of(Booking)).returning(table_of(Booking).c.id)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form says: one unit of this deal at this dealer, at the price and terms that were shown.

    `address_digest` names the network address without telling it; None where there is none (the counter, a test).
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


@dataclass(frozen=True, slots=True)
class Placed:
    """A booking that holds a unit until `hold_until`."""

    id: int
    no: str
    hold_until: datetime


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
    DealerUnavailable, LimitReached, TooManyHolds, AccountGone.
    """
    member_id = actor.id
    if actor.kind != "member" or member_id is None:
        raise NotFound
    known = _find_same(member_id, wish.idempotency_key)
    if known is not None:
        return known
    # Refusals that need no lock; the guarded UPDATE decides again.
    deal = find_offered(wish.deal_slug)
    if deal is None:
        raise NotFound
    kept = phase_of(deal, now) is DealPhase.SOLD_OUT and has_offer(deal.id, member_id, now)
    _refuse(deal, wish, now, kept=kept)
    dealer = queries.find_participating_dealer(deal, wish.dealer_id)
    if dealer is None:
        raise DealerUnavailable
    try:
        return _take(actor, member_id, wish, deal.id, dealer, now)
    except IntegrityError as exc:
        # The same form for another deal, or a place within the limit, came at this very moment.
        known = _find_same(member_id, wish.idempotency_key)
        if known is None:
            raise LimitReached from exc
        return known


@retry_deadlock
def _take(actor: Actor, member_id: int, wish: Wish, deal_id: int, dealer: Dealer, now: datetime) -> Placed:
    dealer_id, dealer_slug = dealer.id, dealer.slug
    with transaction():
        member_services.hold_member(member_id)
        deal = lock_offered(deal_id)
        known = _find_same(member_id, wish.idempotency_key)
        if known is not None:
            return known
        offer = stock.find_offer(deal_id, member_id, now)
        _refuse(deal, wish, now, kept=offer is not None)
        slot = limits.claim_slot(
            deal_id, member_id, deal.per_person, phone=wish.phone, address=wish.address_digest, now=now
        )
        stock.take(deal, dealer_id, now, offer)
        placed = _write(deal, member_id, slot, dealer_id, wish, now)
        if offer is not None:
            stock.settle(offer.id, placed.id)
        tell(placed.id, "held", actor, now)
        terms = terms_of(deal)
        member_services.record_consent(member_id, "terms", terms.version, terms.text, placed.no, now=now)
        if wish.share_with_dealer:
            member_services.record_consent(
                member_id, "share_with_dealer", TERMS_VERSION, SHARING_TEXT, dealer_slug, now=now
            )
        audit.record(actor, "booking_placed", "booking", placed.id, deal_id=deal_id, dealer_id=dealer_id)
        return placed


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


def _write(deal: Offered, member_id: int, slot: int, dealer_id: int, wish: Wish, now: datetime) -> Placed:
    terms, no, hold_until = terms_of(deal), ids.number("B", now), now + HOLD
    row = {
        "no": no,
        "deal_id": deal.id,
        "member_id": member_id,
        "dealer_id": dealer_id,
        "slot": slot,
        "idempotency_key": wish.idempotency_key,
        "car_name": deal.car_name,
        "msrp_fen": deal.msrp_fen,
        "price_fen": deal.price_fen,
        "earnest_kind": deal.earnest_kind,
        "earnest_fen": deal.earnest_fen,
        "contact_name": wish.name,
        "contact_phone": wish.phone,
        "address_digest": wish.address_digest,
        "terms_version": terms.version,
        "terms_hash": terms.digest,
        "state": BookingState.HELD,
        "hold_until": hold_until,
        "balance_from": deal.balance_starts_at,
        "balance_until": deal.balance_ends_at,
        "created_at": now,
        "state_at": now,
    }
    return Placed(execute(_PLACE, row).scalar_one(), no, hold_until)


def _find_same(member_id: int, idempotency_key: str) -> Placed | None:
    row = db.session.execute(
        select(Booking.id, Booking.no, Booking.hold_until).where(
            Booking.member_id == member_id, Booking.idempotency_key == idempotency_key
        )
    ).first()
    return Placed(row.id, row.no, row.hold_until) if row else None
