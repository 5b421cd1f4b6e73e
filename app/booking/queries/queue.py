"""The read side of the queue: one's place in it, and what a dealer may hear of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, String, and_, bindparam, cast, func, or_, select
from sqlalchemy.orm import aliased

from app.booking.models import DealReminder, OnePriceDeal, QueuePlace
from app.booking.queries.deals import DealCard, get_deal_card
from app.booking.rules import QUEUE_SHARING_TEXT, DealPhase
from app.catalog.models import Series, Trim
from app.core.clock import local
from app.core.db import db
from app.dealers.models import Dealer
from app.members.models import Consent, Member
from app.members.rules import mask_name, mask_phone

LIVING = ("waiting", "offered")
PLACE = "queue:"  # a consent that was given for a place in a queue refers to it
# Consents from before they named what they were given for say it by their text alone.
_QUEUE_TEXT = hashlib.sha256(QUEUE_SHARING_TEXT.encode()).hexdigest()
_OFFER = select(QueuePlace.id).where(
    QueuePlace.deal_id == bindparam("deal"),
    QueuePlace.member_id == bindparam("member"),
    QueuePlace.state == "offered",
    QueuePlace.offer_until > bindparam("now"),
)


@dataclass(frozen=True, slots=True)
class OwnPlace:
    """A person's place: `position` counts from 1 among those who wait, and is 0 for one that was offered a unit."""

    slug: str
    car_name: str
    state: str
    position: int
    joined_at: datetime
    offer_until: datetime | None
    dealer_id: int | None
    dealer_name: str
    lead_dealer_id: int | None
    paused: bool

    @property
    def offered(self) -> bool:
        return self.state == "offered"


@dataclass(frozen=True, slots=True)
class QueuePage:
    """What `/deals/<slug>/queue` says to a member."""

    card: DealCard
    waiting: int
    place: OwnPlace | None
    joinable: bool

    @property
    def mark(self) -> str:
        """Another one says that the page is to be read anew; after the colon how many stand before."""
        place = self.place
        kind = f"{place.state}{'-paused' if place.paused else ''}" if place else "joinable" if self.joinable else "none"
        return f"{kind}-{self.card.phase}:{place.position if place else self.waiting}"


@dataclass(frozen=True, slots=True)
class Lead:
    """Somebody who waits and agreed that this dealer may call."""

    place_id: int
    name: str
    phone: str
    car_name: str
    deal_title: str
    joined_at: datetime

    @property
    def masked(self) -> str:
        """周* 139****0000: enough to know that somebody is there."""
        return f"{mask_name(self.name)} {mask_phone(self.phone)}"


def find_living(deal_id: int, member_id: int) -> QueuePlace | None:
    """The member's place that waits or was offered a unit, read afresh."""
    return db.session.scalar(
        select(QueuePlace)
        .where(QueuePlace.deal_id == deal_id, QueuePlace.member_id == member_id, QueuePlace.state.in_(LIVING))
        .execution_options(populate_existing=True)
    )


def has_offer(deal_id: int, member_id: int, now: datetime) -> bool:
    """Whether a unit is kept for this member now."""
    return db.session.scalar(_OFFER, {"deal": deal_id, "member": member_id, "now": now}) is not None


def find_position(place: QueuePlace) -> int:
    """How many wait up to and with this place."""
    ahead = select(func.count()).select_from(QueuePlace).where(
        QueuePlace.deal_id == place.deal_id, QueuePlace.state == "waiting", _not_after(place)
    )  # fmt: skip
    return db.session.scalar(ahead) or 0


def get_queue_page(slug: str, member_id: int, now: datetime) -> QueuePage:
    """The queue as this member sees it; NotFound."""
    card = get_deal_card(slug, now)
    place = next((p for p in list_own_places(member_id, now) if p.slug == slug), None)
    joinable = place is None and card.queue and card.phase is DealPhase.SOLD_OUT
    return QueuePage(card, count_waiting(slug), place, joinable)


def count_waiting(slug: str) -> int:
    """How many people wait for a unit of this deal."""
    return db.session.scalar(select(OnePriceDeal.waiting).where(OnePriceDeal.slug == slug)) or 0


def list_own_places(member_id: int, now: datetime) -> list[OwnPlace]:
    """Every queue this member stands in, an offer first. One whose time is over is not shown as an offer."""
    other = aliased(QueuePlace)
    ahead = (
        select(func.count())
        .select_from(other)
        .where(
            other.deal_id == QueuePlace.deal_id,
            other.state == "waiting",
            or_(
                other.claimed_at < QueuePlace.claimed_at,
                and_(other.claimed_at == QueuePlace.claimed_at, other.id <= QueuePlace.id),
            ),
        )
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(QueuePlace, OnePriceDeal, Series.name, Trim.model_year, Trim.name, Dealer.name, ahead)
        .join(OnePriceDeal, OnePriceDeal.id == QueuePlace.deal_id)
        .join(Trim, Trim.id == OnePriceDeal.trim_id)
        .join(Series, Series.id == Trim.series_id)
        .outerjoin(Dealer, Dealer.id == QueuePlace.dealer_id)
        .where(
            QueuePlace.member_id == member_id,
            OnePriceDeal.withdrawn.is_(False),
            OnePriceDeal.ends_at > now,
            or_(
                QueuePlace.state == "waiting",
                and_(
                    QueuePlace.state == "offered",
                    or_(QueuePlace.offer_until > now, OnePriceDeal.paused_at.is_not(None)),
                ),
            ),
        )
        .order_by(QueuePlace.state, QueuePlace.id)
    )
    return [
        OwnPlace(
            slug=deal.slug,
            car_name=f"{series} {year} {trim}",
            state=place.state,
            position=position if place.state == "waiting" else 0,
            joined_at=place.joined_at,
            offer_until=place.offer_until,
            dealer_id=place.dealer_id,
            dealer_name=dealer or "",
            lead_dealer_id=place.lead_dealer_id if place.lead_consent else None,
            paused=deal.paused_at is not None,
        )
        for place, deal, series, year, trim, dealer, position in rows
    ]


def list_leads(dealer_id: int, limit: int = 100) -> list[Lead]:
    """Who waits, agreed that this dealer may call, and has not taken that back; first come first."""
    rows = db.session.execute(
        select(
            QueuePlace.id,
            QueuePlace.joined_at,
            Member.name,
            Member.phone,
            OnePriceDeal.title,
            Series.name,
            Trim.model_year,
        )
        .join(Member, Member.id == QueuePlace.member_id)
        .join(OnePriceDeal, OnePriceDeal.id == QueuePlace.deal_id)
        .join(Trim, Trim.id == OnePriceDeal.trim_id)
        .join(Series, Series.id == Trim.series_id)
        .where(*_may_call(dealer_id))
        .order_by(QueuePlace.claimed_at, QueuePlace.id)
        .limit(limit)
    )
    return [
        Lead(place_id, name or "客户", phone or "", f"{series} {year}", title, joined)
        for place_id, joined, name, phone, title, series, year in rows
    ]


def count_leads(dealer_id: int) -> int:
    """How many they are."""
    people = select(func.count(QueuePlace.id)).join(Member, Member.id == QueuePlace.member_id)
    return db.session.scalar(people.where(*_may_call(dealer_id))) or 0


def _may_call(dealer_id: int) -> tuple[ColumnElement[bool], ...]:
    """Of a place with its member: it waits, the number is proved, and the consent for this dealer stands."""
    consented = (
        select(Consent.id)
        .join(Dealer, Dealer.slug == Consent.subject)
        .where(
            Consent.member_id == QueuePlace.member_id,
            Consent.purpose == "share_with_dealer",
            Consent.withdrawn_at.is_(None),
            or_(
                Consent.reference == PLACE + cast(QueuePlace.id, String),
                and_(Consent.reference == "", Consent.text_hash == _QUEUE_TEXT),
            ),
            Dealer.id == dealer_id,
        )
        .exists()
    )
    return (
        QueuePlace.lead_dealer_id == dealer_id,
        QueuePlace.lead_consent.is_(True),
        QueuePlace.state.in_(LIVING),
        Member.phone_verified_at.is_not(None),
        consented,
    )


def list_places(member_id: int) -> Sequence[QueuePlace]:
    """Every place this member ever had."""
    return db.session.scalars(select(QueuePlace).where(QueuePlace.member_id == member_id).order_by(QueuePlace.id)).all()


def export_places(member_id: int) -> list[dict[str, object]]:
    """What the queues and the reminders of a start keep about a person, as plain values for the person's own copy."""
    slugs = {row.id: row.slug for row in db.session.execute(select(OnePriceDeal.id, OnePriceDeal.slug))}
    places: list[dict[str, object]] = [
        {
            "deal": slugs[place.deal_id],
            "state": place.state,
            "joined_at": local(place.joined_at).isoformat(),
            "lead_consent": place.lead_consent,
        }
        for place in list_places(member_id)
    ]
    wishes: list[dict[str, object]] = [
        {"deal": slugs[wish.deal_id], "reminder_since": local(wish.created_at).isoformat()}
        for wish in db.session.scalars(select(DealReminder).where(DealReminder.member_id == member_id))
    ]
    return places + wishes


def _not_after(place: QueuePlace) -> ColumnElement[bool]:
    same = and_(QueuePlace.claimed_at == place.claimed_at, QueuePlace.id <= place.id)
    return or_(QueuePlace.claimed_at < place.claimed_at, same)
