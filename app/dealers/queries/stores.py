"""A store by its address, the stores of a city, the cities."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.core import clock
from app.core.db import db
from app.dealers.errors import DealerNotFound
from app.dealers.hours import OpenState
from app.dealers.models import Dealer
from app.dealers.queries import kinds
from app.dealers.rules import SHOWN

PAGE = 10


@dataclass(frozen=True, slots=True)
class NearDealer:
    """A dealer with its true distance, which is None where no place was given."""

    dealer: Dealer
    distance_m: float | None
    state: OpenState


def open_state(dealer: Dealer, now: datetime) -> OpenState:
    """营业中至 20:30, 明日 09:00 开门; a store that paused is not open, whatever its hours."""
    return kinds.state_of(dealer.status, dealer.hours, clock.local(now))


def list_cities() -> list[tuple[str, int]]:
    """Cities with their number of stores, most first."""
    rows = db.session.execute(
        select(Dealer.city, func.count().label("n"))
        .where(Dealer.status.in_(SHOWN))
        .group_by(Dealer.city)
        .order_by(func.count().desc(), Dealer.city)
    )
    return [(city, count) for city, count in rows]


def list_in_city(city: str, now: datetime, offset: int = 0, limit: int = PAGE) -> list[NearDealer]:
    """The stores of one city, in a stable order."""
    rows = db.session.scalars(
        select(Dealer)
        .where(Dealer.city == city, Dealer.status.in_(SHOWN))
        .order_by(Dealer.district, Dealer.slug)
        .offset(offset)
        .limit(limit)
    )
    return [NearDealer(dealer, None, open_state(dealer, now)) for dealer in rows]


def find_in_city(slug: str, city: str, now: datetime) -> NearDealer | None:
    """A store by its address if it is in this city, without a distance."""
    dealer = db.session.scalar(select(Dealer).where(Dealer.slug == slug, Dealer.city == city, Dealer.status.in_(SHOWN)))
    return NearDealer(dealer, None, open_state(dealer, now)) if dealer else None


def get_dealer(slug: str) -> Dealer:
    """One store by its address. DealerNotFound when unknown or withdrawn."""
    dealer = db.session.scalars(select(Dealer).where(Dealer.slug == slug, Dealer.status.in_(SHOWN))).one_or_none()
    if dealer is None:
        raise DealerNotFound
    return dealer
