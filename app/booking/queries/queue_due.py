"""Which queues the worker looks at: offers that are over or of no use, units that wait, deals that ended."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from app.booking.models import Booking, OnePriceDeal, QueuePlace
from app.booking.queries.sellable import OPEN_FOR_BUSINESS, sellable
from app.core.db import db
from app.dealers.models import Dealer


def with_due_offers(now: datetime) -> list[int]:
    """Deals with an offer whose time is over, whose store closed, or whose person is at the limit."""
    over = or_(QueuePlace.offer_until <= now, OnePriceDeal.ends_at <= now, OnePriceDeal.withdrawn.is_(True))
    over = or_(over, _of_a_closed_store(), _at_limit())
    due = (
        select(QueuePlace.deal_id)
        .join(OnePriceDeal, OnePriceDeal.id == QueuePlace.deal_id)
        .where(QueuePlace.state == "offered", over, _not_paused(now))
        .distinct()
    )
    return _ids(due)


def _of_a_closed_store() -> ColumnElement[bool]:
    closed = select(Dealer.id).where(Dealer.id == QueuePlace.dealer_id, Dealer.status != OPEN_FOR_BUSINESS)
    return and_(OnePriceDeal.stock_by_dealer, closed.correlate(QueuePlace).exists())


def _at_limit() -> ColumnElement[bool]:
    """The limit was lowered since, or reached: an offer could not be used."""
    held = select(func.count()).where(
        Booking.deal_id == QueuePlace.deal_id, Booking.member_id == QueuePlace.member_id, Booking.slot.is_not(None)
    )
    return held.correlate(QueuePlace).scalar_subquery() >= OnePriceDeal.per_person


def with_free_units(now: datetime) -> list[int]:
    """Deals with a unit that can be sold and somebody who waits for it."""
    free = select(OnePriceDeal.id).where(
        OnePriceDeal.waiting > 0,
        sellable(OnePriceDeal) > 0,
        OnePriceDeal.starts_at <= now,
        OnePriceDeal.ends_at > now,
        OnePriceDeal.withdrawn.is_(False),
        OnePriceDeal.paused_at.is_(None),
    )
    return _ids(free)


def ended(now: datetime) -> list[int]:
    """Deals that are over and still have a queue."""
    over = or_(OnePriceDeal.ends_at <= now, OnePriceDeal.withdrawn.is_(True))
    return _ids(select(OnePriceDeal.id).where(OnePriceDeal.waiting > 0, over))


def _not_paused(now: datetime) -> ColumnElement[bool]:
    """A pause keeps offers; the deal's end does not wait for it."""
    return or_(OnePriceDeal.paused_at.is_(None), OnePriceDeal.ends_at <= now, OnePriceDeal.withdrawn.is_(True))


def _ids(statement: Select[int]) -> list[int]:
    found = list(db.session.scalars(statement))
    db.session.rollback()
    return found
