"""The stores nearest to a place, exact, whatever is asked of them and however far they are."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from app.core import clock
from app.core.db import db
from app.dealers.models import Dealer
from app.dealers.queries import kinds, places
from app.dealers.queries.places import Place
from app.dealers.queries.stores import PAGE, NearDealer

FEW = 1500  # so many are measured one by one sooner than the index is walked past all the others


def nearest(
    lat: float,
    lng: float,
    now: datetime,
    *,
    offset: int = 0,
    limit: int = PAGE,
    among: Collection[int] | None = None,
    services: Collection[str] = (),
    open_now: bool = False,
) -> tuple[list[NearDealer], bool]:
    """Stores by true distance from a GCJ-02 place, and whether more follow.

    `among` narrows to these ids, which come from the room that owns the filter (rules.NarrowsDealers); `services` are
    words of the workbook, all of which a store must offer. Ties stand in the order of their ids, so pages fit together.
    """
    passing = kinds.passing(services, open_now, now) if services or open_now else None
    ranked = _rank(lat, lng, passing, among, offset + limit + 1)
    chosen = ranked[offset : offset + limit]
    rows = {d.id: d for d in db.session.scalars(select(Dealer).where(Dealer.id.in_([place.id for place in chosen])))}
    moment = clock.local(now)
    near = [
        NearDealer(rows[place.id], place.metres, kinds.state_of(rows[place.id].status, rows[place.id].hours, moment))
        for place in chosen
        if place.id in rows
    ]
    return near, len(ranked) > offset + limit


def _rank(
    lat: float, lng: float, passing: frozenset[int] | None, among: Collection[int] | None, need: int
) -> list[Place]:
    """At least the first `need` places in order, fewer when there are no more."""
    if (passing is not None and not passing) or (among is not None and not among):
        return []
    if among is not None and len(among) <= FEW:
        return sorted(places.few(lat, lng, passing, among, FEW) or [])
    if passing is not None and (found := places.few(lat, lng, passing, None, FEW)) is not None:
        wanted = found if among is None else [place for place in found if place.id in among]
        return sorted(wanted)
    wanted = None if among is None else among if isinstance(among, (set, frozenset)) else frozenset(among)
    sure: list[Place] = []
    for piece in places.walk(lat, lng, passing):
        sure.extend(place for place in piece.places if wanted is None or place.id in wanted)
        if sum(place.metres < piece.reach_m for place in sure) >= need:
            break
    return sorted(sure)
