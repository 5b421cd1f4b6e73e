"""候补: a first-come queue before a sold-out deal. Who asked first is offered a freed unit first, and for a day alone.

Every change happens with the deal locked, so that a place is joined, served, left or lapsed once. Switching the queue
off keeps new people out; who stands in it keeps the turn.
"""

from datetime import datetime

from sqlalchemy import delete, func, select, update

from app.booking import queries
from app.booking.errors import (
    DealerUnavailable,
    DealNotRunning,
    DealPaused,
    LimitReached,
    NoQueue,
    NotSoldOut,
    PhoneNotProved,
)
from app.booking.models import Booking, DealReminder, OnePriceDeal, QueuePlace
from app.booking.queries import queue_due
from app.booking.queries.queue import LIVING, PLACE, Lead, find_living, find_position, list_leads, list_places
from app.booking.queries.sellable import OPEN_FOR_BUSINESS
from app.booking.rules import (
    OFFER_WARNING,
    QUEUE_SHARING_TEXT,
    TERMS_VERSION,
    DealPhase,
    phase_of,
    worth_warning,
)
from app.booking.services import stock
from app.booking.services.change import lock_deal
from app.booking.services.stock import Shelf
from app.core import audit
from app.core.clock import say
from app.core.db import changed_rows, db, forget, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import SYSTEM, Actor
from app.dealers.models import Dealer
from app.members import queries as members
from app.members import services as member_services
from app.messages.services import notify
from app.payments.services import sweep

BATCH = 200


@retry_deadlock
def join(actor: Actor, slug: str, now: datetime, *, dealer_id: int | None = None, lead_consent: bool = False) -> int:
    """Stand at the end of the queue; who stands in it already stays where they are. Returns the position, 0 if offered.

    With `lead_consent` the dealer may hear of it and call. NotFound, DealNotRunning, DealPaused, NoQueue, NotSoldOut,
    LimitReached, DealerUnavailable, PhoneNotProved.
    """
    member_id, deal_id = _member(actor), _deal_id(slug)
    with transaction():
        member_services.hold_member(member_id)
        deal = _lock(deal_id, now)
        place = find_living(deal_id, member_id)
        if place is None:
            _refuse(deal, member_id, now)
            place = _append(deal_id, member_id, now, now)
            audit.record(actor, "queue_joined", "queue_place", place.id, deal_id=deal_id)
        if lead_consent and dealer_id is not None:
            _share(place, dealer_id, now)
        return find_position(place) if place.state == "waiting" else 0


@retry_deadlock
def leave(actor: Actor, slug: str, now: datetime) -> bool:
    """Give up the place, and a unit that was offered with it; False when there was none. NotFound."""
    member_id, deal_id = _member(actor), _deal_id(slug)
    with transaction():
        member_services.hold_member(member_id)
        _lock(deal_id, now)
        place = find_living(deal_id, member_id)
        if place is None:
            return False
        _end(place, "left", now)
        audit.record(actor, "queue_left", "queue_place", place.id, deal_id=deal_id)
        return True


@retry_deadlock
def serve(deal_id: int, now: datetime) -> int:
    """Offer what is free to those who wait, in order; returns to how many."""
    with transaction():
        _lock(deal_id, now)
        return stock.serve(deal_id, now)


def seat_first(deal_id: int, member_id: int, claimed_at: datetime, now: datetime) -> int:
    """A late payer without a unit stands where the booking stood: before everybody who came when nothing was left.

    In the caller's transaction, the deal locked. Returns the position, 0 when a unit is offered or the deal is over.
    """
    deal = stock.shelf(deal_id)
    if phase_of(deal, now) is DealPhase.ENDED:
        return 0
    place = find_living(deal_id, member_id)
    if place is None:
        place = _append(deal_id, member_id, claimed_at, now)
    elif claimed_at < place.claimed_at:
        place.claimed_at = claimed_at
        db.session.flush()
    stock.serve(deal_id, now)
    db.session.refresh(place)
    return find_position(place) if place.state == "waiting" else 0


def resume(deal_id: int, paused_at: datetime, now: datetime) -> int:
    """After a pause: offers get back the time it took, then the queue is served.

    In the caller's transaction, the deal locked and running again. Returns how many units were offered.
    """
    deal = stock.shelf(deal_id)
    for place in _offered(deal_id):
        assert place.offered_at is not None
        assert place.offer_until is not None
        since = max(paused_at, place.offered_at)
        if place.offer_until > since:
            place.offer_until = min(place.offer_until + (now - since), deal.ends_at)
    db.session.flush()
    return stock.serve(deal_id, now)


def open_lead(actor: Actor, place_id: int) -> Lead:
    """Name and number of somebody who waits and agreed to be called by the actor's own store; recorded each time.

    NotAllowed, NotFound.
    """
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    with transaction():
        lead = next((lead for lead in list_leads(actor.dealer_id) if lead.place_id == place_id), None)
        if lead is None:
            raise NotFound
        audit.record(actor, "lead_opened", "queue_place", place_id)
        return lead


def forget_member(member_id: int, now: datetime) -> None:
    """A person who is forgotten stands in no queue and is reminded of nothing: places are given up, an offered unit
    goes to the next."""
    with transaction():
        for place in sorted(list_places(member_id), key=lambda p: (p.deal_id, p.id)):
            lock_deal(place.deal_id)
            db.session.refresh(place)
            place.lead_consent, place.lead_dealer_id = False, None
            db.session.flush()
            if place.state in LIVING:
                _end(place, "left", now)
        changed_rows(delete(DealReminder).where(DealReminder.member_id == member_id))


# ---- by the worker, and by time at use ----


def lapse_due(now: datetime) -> int:
    """Offers whose time is over go to the next; queues of deals that ended end; what is free is offered."""
    ended = sweep.each("end_queues", queue_due.ended(now), lambda deal_id: _end_queue(deal_id, now), _not_again)
    lapsed = sweep.each(
        "lapse_offers", queue_due.with_due_offers(now), lambda deal_id: _lapse_deal(deal_id, now), _not_again
    )
    served = sweep.each(
        "serve_queues", queue_due.with_free_units(now), lambda deal_id: serve(deal_id, now) > 0, _not_again
    )
    return ended + lapsed + served


def warn_ending(now: datetime) -> int:
    """Tell everybody once whose offer ends soon."""
    rows = db.session.execute(
        select(QueuePlace.id, QueuePlace.member_id, QueuePlace.offered_at, QueuePlace.offer_until, QueuePlace.deal_id)
        .join(OnePriceDeal, OnePriceDeal.id == QueuePlace.deal_id)
        .where(
            QueuePlace.state == "offered",
            QueuePlace.offer_until > now,
            QueuePlace.offer_until <= now + OFFER_WARNING,
            OnePriceDeal.paused_at.is_(None),
        )
    ).all()
    db.session.rollback()
    told = 0
    for place_id, member_id, offered_at, until, deal_id in rows:
        if offered_at is None or until is None or not worth_warning(offered_at, until):
            continue
        with transaction():
            deal = stock.shelf(deal_id)
            words = {"car": deal.car_name, "note": f"为您保留的 1 台到{say(until)}结束"}
            key = f"offer-ending:{place_id}:{until.isoformat()}"
            told += notify(member_id, "offer_ending", key, words, now, href=f"/deals/{deal.slug}/queue")
    return told


def _not_again(_deal_id: int) -> None:
    """Nothing to put off: the next sweep finds it as it stands."""


@retry_deadlock
def _lapse_deal(deal_id: int, now: datetime) -> bool:
    with transaction():
        lock_deal(deal_id)
        return _lapse_locked(stock.shelf(deal_id), now) > 0


@retry_deadlock
def _end_queue(deal_id: int, now: datetime) -> bool:
    """The deal is over: whoever still waits is told so."""
    with transaction():
        lock_deal(deal_id)
        deal = stock.shelf(deal_id)
        if phase_of(deal, now) is not DealPhase.ENDED:
            return False
        waiting = select(QueuePlace).where(QueuePlace.deal_id == deal_id, QueuePlace.state == "waiting")
        places = list(db.session.scalars(waiting.order_by(QueuePlace.id).limit(BATCH)))
        for place in places:
            _end(place, "lapsed", now)
            _tell(place, deal, "queue_over", "活动已结束，没有等到名额，候补已结束", now)
        return bool(places)


def _lapse_locked(deal: Shelf, now: datetime) -> int:
    """End the offers whose time is over or that cannot be used any more, the deal being locked; a pause keeps them."""
    over = phase_of(deal, now) is DealPhase.ENDED
    if deal.paused_at is not None and not over:
        return 0
    moved = 0
    for place in _offered(deal.id):
        if over or (place.offer_until is not None and place.offer_until <= now):
            _end(place, "lapsed", now)
            words = "活动已结束，为您保留的名额已释放" if over else "保留的名额已到期，已让给下一位"
            _tell(place, deal, "queue_over" if over else "offer_lapsed", words, now)
        elif stock.at_limit(deal, place.member_id):
            _end(place, "left", now)
            stock.tell_at_limit(deal, place.id, place.member_id, now)
        elif deal.stock_by_dealer and place.dealer_id is not None and not _is_open(place.dealer_id):
            _wait_again(place, deal, now)
        else:
            continue
        moved += 1
    return moved


def _wait_again(place: QueuePlace, deal: Shelf, now: datetime) -> None:
    """The store whose unit is kept has closed: the person waits on with the same turn, first for what is freed."""
    dealer_id, until = place.dealer_id or 0, place.offer_until or now
    step = update(QueuePlace).where(QueuePlace.id == place.id, QueuePlace.state == "offered")
    if changed_rows(step.values(state="waiting", dealer_id=None, offered_at=None, offer_until=None)) != 1:
        raise RuntimeError("a place was moved without the deal's lock")
    _count(place.deal_id, 1)
    words = {"car": deal.car_name, "note": "保留车辆的门店暂停营业，您的候补顺序不变，有名额时先为您保留"}
    key = f"offer_withdrawn:{place.id}:{until.isoformat()}"
    notify(place.member_id, "offer_withdrawn", key, words, now, href=f"/deals/{deal.slug}/queue")
    audit.record(SYSTEM, "offer_withdrawn", "queue_place", place.id, deal_id=deal.id, dealer_id=dealer_id)
    stock.give_back(place.deal_id, dealer_id, now)


def _is_open(dealer_id: int) -> bool:
    return db.session.scalar(select(Dealer.status).where(Dealer.id == dealer_id)) == OPEN_FOR_BUSINESS


def _offered(deal_id: int) -> list[QueuePlace]:
    return list(
        db.session.scalars(
            select(QueuePlace)
            .where(QueuePlace.deal_id == deal_id, QueuePlace.state == "offered")
            .order_by(QueuePlace.id)
            .execution_options(populate_existing=True)
        )
    )


# ---- with the deal locked ----


def _lock(deal_id: int, now: datetime) -> Shelf:
    """The deal, locked; offers whose time is over are ended first, whether the worker lives or not."""
    lock_deal(deal_id)
    deal = stock.shelf(deal_id)
    return stock.shelf(deal_id) if _lapse_locked(deal, now) else deal


def _refuse(deal: Shelf, member_id: int, now: datetime) -> None:
    phase = phase_of(deal, now)
    if phase is DealPhase.PAUSED:
        raise DealPaused
    if phase not in (DealPhase.RUNNING, DealPhase.SOLD_OUT):
        raise DealNotRunning
    if phase is DealPhase.RUNNING:
        raise NotSoldOut
    if not deal.queue_when_sold_out:
        raise NoQueue
    held = select(func.count()).where(
        Booking.deal_id == deal.id, Booking.member_id == member_id, Booking.slot.is_not(None)
    )
    if (db.session.scalar(held) or 0) >= deal.per_person:
        raise LimitReached


def _append(deal_id: int, member_id: int, claimed_at: datetime, now: datetime) -> QueuePlace:
    place = QueuePlace(deal_id=deal_id, member_id=member_id, state="waiting", claimed_at=claimed_at, joined_at=now)
    db.session.add(place)
    db.session.flush()
    _count(deal_id, 1)
    return place


def _end(place: QueuePlace, after: str, now: datetime) -> None:
    """Waiting or offered, the place is over once; a unit offered with it goes to the next."""
    before, deal_id, dealer_id = place.state, place.deal_id, place.dealer_id
    step = update(QueuePlace).where(QueuePlace.id == place.id, QueuePlace.state == before)
    if changed_rows(step.values(state=after, ended_at=now)) != 1:
        raise RuntimeError("a place was ended without the deal's lock")
    if before == "waiting":
        _count(deal_id, -1)
    else:
        stock.give_back(deal_id, dealer_id or 0, now)


def _count(deal_id: int, more: int) -> None:
    counted = update(OnePriceDeal).where(OnePriceDeal.id == deal_id).values(waiting=OnePriceDeal.waiting + more)
    changed_rows(counted)
    forget(OnePriceDeal, deal_id)


def _share(place: QueuePlace, dealer_id: int, now: datetime) -> None:
    """The consent, recorded word for word, and to whom the lead goes."""
    deal = db.session.get_one(OnePriceDeal, place.deal_id)
    dealer = queries.find_participating_dealer(deal, dealer_id)
    if dealer is None:
        raise DealerUnavailable
    member = members.get_member(place.member_id)
    if member.phone is None or member.phone_verified_at is None:
        raise PhoneNotProved
    place.lead_dealer_id, place.lead_consent = dealer_id, True
    member_services.record_consent(
        place.member_id,
        "share_with_dealer",
        TERMS_VERSION,
        QUEUE_SHARING_TEXT,
        dealer.slug,
        reference=f"{PLACE}{place.id}",
        now=now,
    )


def _tell(place: QueuePlace, deal: Shelf, purpose: str, note: str, now: datetime) -> None:
    words = {"car": deal.car_name, "note": note}
    notify(place.member_id, purpose, f"{purpose}:{place.id}", words, now, href=f"/deals/{deal.slug}")
    audit.record(SYSTEM, purpose, "queue_place", place.id, deal_id=deal.id)


def _member(actor: Actor) -> int:
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    return actor.id


def _deal_id(slug: str) -> int:
    found = db.session.scalar(select(OnePriceDeal.id).where(OnePriceDeal.slug == slug))
    if found is None:
        raise NotFound
    return found
