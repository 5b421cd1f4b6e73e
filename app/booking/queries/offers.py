"""What a booking is made of, read in one statement, also while the deal is locked for it."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, select

from app.booking.models import OnePriceDeal
from app.catalog.models import Series, Trim
from app.core.db import db, execute, table_of

_deals, _trims, _series = table_of(OnePriceDeal), table_of(Trim), table_of(Series)


class Offered(NamedTuple):
    """A deal with its car, as it stood when it was read."""

    id: int
    slug: str
    price_fen: int
    earnest_kind: str
    earnest_fen: int
    units_left: int
    waiting: int
    starts_at: datetime
    ends_at: datetime
    withdrawn: bool
    paused_at: datetime | None
    per_person: int
    all_dealers: bool
    stock_by_dealer: bool
    queue_when_sold_out: bool
    confirm_hours: int
    ready_days: int
    balance_starts_at: datetime | None
    balance_ends_at: datetime | None
    terms: str
    msrp_fen: int
    series_name: str
    model_year: str
    trim_name: str

    @property
    def car_name(self) -> str:
        """岫 S5 2026款 长续航版"""
        return f"{self.series_name} {self.model_year} {self.trim_name}"


_READ: Select[Any] = (
    select(
        *(_deals.c[name] for name in Offered._fields[:20]),
        _trims.c.msrp_fen,
        _series.c.name,
        _trims.c.model_year,
        _trims.c.name,
    )
    .join(_trims, _trims.c.id == _deals.c.trim_id)
    .join(_series, _series.c.id == _trims.c.series_id)
)
_BY_SLUG = _READ.where(_deals.c.slug == bindparam("slug"))
_LOCKED = _READ.where(_deals.c.id == bindparam("deal")).with_for_update(of=_deals)


def find_offered(slug: str) -> Offered | None:
    """The deal as it stands now."""
    row = db.session.execute(_BY_SLUG, {"slug": slug}).one_or_none()
    return Offered(*row) if row else None


def lock_offered(deal_id: int) -> Offered:
    """The same, locked until the caller's transaction ends."""
    return Offered(*execute(_LOCKED, {"deal": deal_id}).one())
