"""Stores a request may go to: how far, what waits there, what they promised."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from app.core.db import db
from app.dealers.models import Dealer
from app.dealers.queries import NearDealer, list_in_city, nearest, open_state
from app.dealers.rules import DealerStatus
from app.leads.models import Lead, LeadPromise
from app.leads.rules import PROMISE_HOURS, Candidate, Choice, LeadState, dispatch

MOST = 12
SALES = "销售"


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is, in GCJ-02 degrees. Used for one question and kept nowhere."""

    lat: float
    lng: float


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """A store that takes requests, with the dispatch's word on it."""

    near: NearDealer
    choice: Choice
    promise_hours: int

    @property
    def dealer(self) -> Dealer:
        return self.near.dealer


def list_choices(
    now: datetime, *, place: Place | None = None, city: str = "", without: Collection[int] = (), also: str = ""
) -> list[StoreChoice]:
    """Stores near a place, or of a city, the best for the request first; `also` is one more by its 编号."""
    rows = nearest(place.lat, place.lng, now, limit=MOST)[0] if place else []
    rows = list_in_city(city, now, limit=MOST) if city and not place else rows
    if also and all(row.dealer.slug != also for row in rows):
        dealer = db.session.scalar(select(Dealer).where(Dealer.slug == also, Dealer.status == DealerStatus.OPEN))
        if dealer is not None:
            rows = [NearDealer(dealer, None, open_state(dealer, now)), *rows]
    return judge(rows, now, without)


def judge(rows: Collection[NearDealer], now: datetime, without: Collection[int] = ()) -> list[StoreChoice]:
    """The same for stores that are known already; who takes no requests is left out."""
    by_id = {row.dealer.id: row for row in rows if row.dealer.id not in without and _takes(row.dealer)}
    promises = list_promises(by_id)
    loads = _loads(by_id, now)
    candidates = [
        Candidate(dealer_id, row.distance_m, *loads.get(dealer_id, (0, 0)), promises[dealer_id][0])
        for dealer_id, row in by_id.items()
        if promises[dealer_id][1]
    ]
    return [
        StoreChoice(by_id[choice.dealer_id], choice, promises[choice.dealer_id][0]) for choice in dispatch(candidates)
    ]


def list_promises(dealer_ids: Collection[int]) -> dict[int, tuple[int, bool]]:
    """(hours, whether it takes requests) of each store; what it has not set is the house's."""
    set_ones = {row.dealer_id: (row.hours, row.takes) for row in db.session.scalars(
        select(LeadPromise).where(LeadPromise.dealer_id.in_(dealer_ids))
    )}  # fmt: skip
    return {dealer_id: set_ones.get(dealer_id, (PROMISE_HOURS, True)) for dealer_id in dealer_ids}


def list_by_ids(dealer_ids: Collection[int]) -> dict[int, Dealer]:
    """These stores, whatever their state."""
    return {row.id: row for row in db.session.scalars(select(Dealer).where(Dealer.id.in_(dealer_ids)))}


def list_near_store(dealer: Dealer, now: datetime, without: Collection[int]) -> list[StoreChoice]:
    """Other stores near a store, the best first: where its request could go instead."""
    rows = nearest(dealer.lat, dealer.lng, now, limit=MOST + len(without))[0]
    return judge([row for row in rows if row.dealer.id != dealer.id], now, without)


def _takes(dealer: Dealer) -> bool:
    return dealer.status == DealerStatus.OPEN and (not dealer.services or SALES in dealer.services)


def _loads(dealer_ids: Collection[int], now: datetime) -> dict[int, tuple[int, int]]:
    late = func.sum(case((Lead.due_at < now, 1), else_=0))
    rows = db.session.execute(
        select(Lead.dealer_id, func.count(), late)
        .where(Lead.dealer_id.in_(dealer_ids), Lead.state == LeadState.NEW, Lead.answered_at.is_(None))
        .group_by(Lead.dealer_id)
    )
    return {dealer_id: (waiting, int(overdue or 0)) for dealer_id, waiting, overdue in rows}
