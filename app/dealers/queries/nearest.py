"""The stores nearest to a place."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from app.core.db import db
from app.dealers.geo import haversine_m
from app.dealers.models import Dealer
from app.dealers.queries.stores import PAGE, NearDealer, open_state
from app.dealers.rules import SHOWN


def nearest(
    lat: float, lng: float, now: datetime, *, offset: int = 0, limit: int = PAGE, among: Collection[int] | None = None
) -> tuple[list[NearDealer], bool]:
    """Stores by true distance from a GCJ-02 place, and whether more follow. `among` narrows to these ids.

    Exact: every store's distance is computed from its three columns; only the page's rows are loaded.
    """
    wanted = select(Dealer.id, Dealer.lat, Dealer.lng).where(Dealer.status.in_(SHOWN))
    if among is not None:
        wanted = wanted.where(Dealer.id.in_(among))
    ranked = sorted((haversine_m(lng, lat, row.lng, row.lat), row.id) for row in db.session.execute(wanted))
    chosen = ranked[offset : offset + limit]
    by_id = {d.id: d for d in db.session.scalars(select(Dealer).where(Dealer.id.in_([i for _, i in chosen])))}
    rows = [NearDealer(by_id[i], metres, open_state(by_id[i], now)) for metres, i in chosen if i in by_id]
    return rows, len(ranked) > offset + limit
