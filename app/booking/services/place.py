"""Placing a booking: cheap refusals first, then one short transaction that takes a unit and a place."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.booking import queries
from app.booking.errors import DealerUnavailable, DealNotRunning, LimitReached, PriceChanged, SoldOut, TermsChanged
from app.booking.models import Booking, OnePriceDeal
from app.booking.rules import (
    HOLD,
    SHARING_TEXT,
    TERMS_VERSION,
    BookingState,
    DealPhase,
    Terms,
    deal_phase,
    terms_of,
)
from app.booking.services.change import lock_deal, tell
from app.core import audit, ids
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.dealers.models import Dealer
from app.members import queries as members
from app.members import services as member_services
from app.members.errors import CodeWrong


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form says: one unit of this deal at this dealer, at the price and terms that were shown."""

    deal_slug: str
    dealer_id: int
    name: str
    phone: str
    idempotency_key: str
    seen_price_fen: int
    terms_version: str
    share_with_dealer: bool = True


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


def place_booking(actor: Actor, wish: Wish, now: datetime) -> Placed:
    """Hold one unit for fifteen minutes. The same idempotency key gives the same booking again.

    NotFound, DealNotRunning, SoldOut, PriceChanged, TermsChanged, DealerUnavailable, LimitReached, AccountGone.
    """
    member_id = actor.id
    if actor.kind != "member" or member_id is None:
        raise NotFound
    known = _find_same(member_id, wish.idempotency_key)
    if known is not None:
        return known
    # Refusals that need no lock; the guarded UPDATE decides again.
    deal = queries.find_deal(wish.deal_slug)
    if deal is None:
        raise NotFound
    _refuse(deal, wish, now)
    dealer = queries.find_participating_dealer(deal, wish.dealer_id)
    if dealer is None:
        raise DealerUnavailable
    return _take(actor, member_id, wish, deal.id, dealer, now)


@retry_deadlock
def _take(actor: Actor, member_id: int, wish: Wish, deal_id: int, dealer: Dealer, now: datetime) -> Placed:
    dealer_id, dealer_slug = dealer.id, dealer.slug
    with transaction():
        member_services.hold_member(member_id)
        deal = lock_deal(deal_id)
        known = _find_same(member_id, wish.idempotency_key)
        if known is not None:
            return known
        _refuse(deal, wish, now)
        _take_unit(deal, now)
        terms = terms_of(deal)
        booking = _take_slot(_draft(deal, terms, member_id, dealer_id, wish, now), deal.per_person)
        tell(booking.id, "held", actor, now)
        member_services.record_consent(member_id, "terms", terms.version, terms.text, booking.no, now=now)
        if wish.share_with_dealer:
            member_services.record_consent(
                member_id, "share_with_dealer", TERMS_VERSION, SHARING_TEXT, dealer_slug, now=now
            )
        audit.record(actor, "booking_placed", "booking", booking.id, deal_id=deal_id, dealer_id=dealer_id)
        return Placed(booking.id, booking.no, booking.hold_until)


def _refuse(deal: OnePriceDeal, wish: Wish, now: datetime) -> None:
    phase = deal_phase(deal.starts_at, deal.ends_at, deal.units_left, deal.withdrawn, now)
    if phase is DealPhase.SOLD_OUT:
        raise SoldOut
    if phase is not DealPhase.RUNNING:
        raise DealNotRunning
    if wish.seen_price_fen != deal.price_fen:
        raise PriceChanged
    if wish.terms_version != terms_of(deal).version:
        raise TermsChanged


def _take_unit(deal: OnePriceDeal, now: datetime) -> None:
    """The guard that no number of parallel buyers passes more often than there are units."""
    take = (
        update(OnePriceDeal)
        .where(
            OnePriceDeal.id == deal.id,
            OnePriceDeal.units_left >= 1,
            OnePriceDeal.starts_at <= now,
            OnePriceDeal.ends_at > now,
            OnePriceDeal.withdrawn.is_(False),
        )
        .values(units_left=OnePriceDeal.units_left - 1)
    )
    if changed_rows(take) != 1:
        raise SoldOut


def _take_slot(booking: Booking, per_person: int) -> Booking:
    """The first free place of this person in this deal; the unique key keeps the limit."""
    taken = set(
        db.session.scalars(
            select(Booking.slot).where(
                Booking.deal_id == booking.deal_id, Booking.member_id == booking.member_id, Booking.slot.is_not(None)
            )
        )
    )
    for slot in (n for n in range(1, per_person + 1) if n not in taken):
        booking.slot = slot
        try:
            with db.session.begin_nested():
                db.session.add(booking)
            return booking
        except IntegrityError:
            continue
    raise LimitReached


def _draft(deal: OnePriceDeal, terms: Terms, member_id: int, dealer_id: int, wish: Wish, now: datetime) -> Booking:
    return Booking(
        no=ids.number("B", now),
        deal_id=deal.id,
        member_id=member_id,
        dealer_id=dealer_id,
        idempotency_key=wish.idempotency_key,
        car_name=queries.car_name(deal.trim),
        msrp_fen=deal.trim.msrp_fen,
        price_fen=deal.price_fen,
        earnest_kind=deal.earnest_kind,
        earnest_fen=deal.earnest_fen,
        contact_name=wish.name,
        contact_phone=wish.phone,
        terms_version=terms.version,
        terms_hash=terms.digest,
        state=BookingState.HELD,
        hold_until=now + HOLD,
        created_at=now,
        state_at=now,
    )


def _find_same(member_id: int, idempotency_key: str) -> Placed | None:
    row = db.session.execute(
        select(Booking.id, Booking.no, Booking.hold_until).where(
            Booking.member_id == member_id, Booking.idempotency_key == idempotency_key
        )
    ).first()
    return Placed(row.id, row.no, row.hold_until) if row else None
