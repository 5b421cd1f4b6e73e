"""The stores nearest to a place, exact, whatever is asked of them and however far they are."""

from collections.abc import Collection, Iterator, Set
from datetime import datetime

from sqlalchemy import bindparam, select

from app.core.db import db
from app.dealers.geo import bearing
from app.dealers.models import Dealer
from app.dealers.queries import kinds, places
from app.dealers.queries.places import Found, Place
from app.dealers.queries.stores import PAGE, NearDealer, open_state
from app.dealers.rules import direction_words

FEW = 1500  # so many are measured one by one sooner than the index is walked past all the others
PATIENCE = 8000  # after so many on the way, those wanted are all somewhere else and are measured one by one as well
ON_THE_WAY = 4  # for each store of a narrowed question so many are read, before it is known how many there are
_THESE = select(Dealer).where(Dealer.id.in_(bindparam("ids", expanding=True)))


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

    `among` narrows to these ids, which come from the room that owns the filter (dealers.narrowing); `services` are
    words of the workbook, all of which a store must offer. Ties stand in the order of their ids, so pages fit together.
    """
    need = offset + limit + 1
    ranked = (
        _rank_passing(lat, lng, services, open_now, now, among, need)
        if services or open_now
        else _rank(lat, lng, None, among, need, set())
    )
    chosen = ranked[offset : offset + limit]
    rows = {d.id: d for d in db.session.scalars(_THESE, {"ids": [place.id for place in chosen]})} if chosen else {}
    near = [_told(rows[place.id], place.metres, lat, lng, now) for place in chosen if place.id in rows]
    return near, len(ranked) > offset + limit


def _told(dealer: Dealer, metres: float, lat: float, lng: float, now: datetime) -> NearDealer:
    direction = direction_words(bearing(lng, lat, dealer.lng, dealer.lat))
    return NearDealer(dealer, metres, open_state(dealer, now), direction)


def _rank_passing(
    lat: float,
    lng: float,
    services: Collection[str],
    open_now: bool,
    now: datetime,
    among: Collection[int] | None,
    need: int,
) -> list[Place]:
    """`_rank` of the kinds that pass. Where the question itself tells how many kinds there are, the known ones do."""
    if places.tells_kinds():
        told: set[int | None] = set()
        number = kinds.number()  # before: what another thread learns meanwhile is not what `passing` was made of
        passing = kinds.passing(services, open_now, now, known_before=True)
        ranked = _rank(lat, lng, passing, among, need, told)
        if number is not None and told == {number}:
            return ranked
    return _rank(lat, lng, kinds.passing(services, open_now, now), among, need, set())


def _rank(
    lat: float,
    lng: float,
    passing: frozenset[int] | None,
    among: Collection[int] | None,
    need: int,
    told: set[int | None],
) -> list[Place]:
    """At least the first `need` places in order, fewer when there are no more; numbers of kinds join `told`."""
    if (passing is not None and not passing) or (among is not None and not among):
        return []
    likely = need + 1  # the last one read only bounds how far the others are
    if (among is not None and len(among) <= FEW) or (passing is not None and kinds.are_few(passing, FEW)):
        return _first(places.scan(lat, lng, passing, among, likely), need, told) or []
    found = _first(
        places.walk(lat, lng, passing, likely if among is None else likely * ON_THE_WAY),
        need,
        told,
        among if among is None or isinstance(among, (set, frozenset)) else frozenset(among),
        patience=None if passing is None and among is None else PATIENCE,
    )
    return _first(places.scan(lat, lng, passing, among, likely), need, told) or [] if found is None else found


def _first(
    pieces: Iterator[Found],
    need: int,
    told: set[int | None],
    among: Set[int] | None = None,
    patience: int | None = None,
) -> list[Place] | None:
    """Read on until `need` places are surely the nearest; None when patience ends first."""
    found: dict[int, Place] = {}
    seen = 0
    for piece in pieces:
        told.add(piece.kinds)
        found.update((place.id, place) for place in piece.places if among is None or place.id in among)
        if len(found) >= need and sum(place.metres < piece.reach_m for place in found.values()) >= need:
            break
        seen += piece.seen
        if patience is not None and seen > patience:
            return None
    return sorted(found.values())
