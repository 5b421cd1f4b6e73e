"""A store by its address, the stores of a city, the cities."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, func, select

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
    """A dealer with its true distance and the eighth of the compass it lies in, which are None without a place.

    `told` is what rooms above say of it (dealers.telling): ★4.8（126）, 现车 3 辆.
    """

    dealer: Dealer
    distance_m: float | None
    state: OpenState
    direction: str | None = None
    told: tuple[str, ...] = ()

    @property
    def meta(self) -> list[str]:
        """The words below its name, without where it lies."""
        return [*([self.state.text] if self.state.text else []), *self.told]


@dataclass(frozen=True, slots=True)
class Counted:
    """Stores by what filters ask: their services, whether they are open, how many they are."""

    groups: list[tuple[frozenset[str], bool, int]]

    def of(self, services: Collection[str] = (), open_now: bool = False) -> int:
        """How many pass."""
        return sum(n for offered, opened, n in self.groups if set(services) <= offered and (opened or not open_now))


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


def list_in_city(
    city: str,
    now: datetime,
    offset: int = 0,
    limit: int = PAGE,
    *,
    services: Collection[str] = (),
    open_now: bool = False,
    among: Collection[int] | None = None,
) -> list[NearDealer]:
    """The stores of one city that pass the filters of `nearest`, in a stable order."""
    wanted = _of_city(select(Dealer), city, among)
    if services or open_now:
        wanted = wanted.where(Dealer.kind_id.in_(kinds.passing(services, open_now, now)))
    rows = db.session.scalars(wanted.order_by(Dealer.district, Dealer.slug).offset(offset).limit(limit))
    return [NearDealer(dealer, None, open_state(dealer, now)) for dealer in rows]


def count_in_city(city: str, now: datetime, among: Collection[int] | None = None) -> Counted:
    """How many stores a city has, and how many are left by any choice of filters."""
    grouped = cast("Select[Any]", select(Dealer.kind_id, func.count()))
    found: Any = db.session.execute(_of_city(grouped, city, among).group_by(Dealer.kind_id))
    known, moment = kinds.all_kinds(), clock.local(now)
    rows = [(known[row[0]], int(row[1])) for row in found if row[0] in known]
    return Counted([(kind.services, kinds.is_open(kind, moment), number) for kind, number in rows])


def _of_city(wanted: Select[Any], city: str, among: Collection[int] | None) -> Select[Any]:
    wanted = wanted.where(Dealer.city == city, Dealer.status.in_(SHOWN))
    return wanted if among is None else wanted.where(Dealer.id.in_(among))


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
