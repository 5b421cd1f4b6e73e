"""The price ledger, read."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from app.catalog.models import PriceEntry
from app.catalog.pricing import PricePeriod, PriceRow, lowest_offer, periods
from app.core.db import db

BATCH = 500


def list_price_rows(trim_ids: Iterable[int]) -> dict[int, list[PriceRow]]:
    """Every row of these trims in the order of writing; a trim without rows is absent."""
    wanted = sorted(set(trim_ids))
    rows: dict[int, list[PriceRow]] = defaultdict(list)
    columns = (PriceEntry.kind, PriceEntry.deal_slug, PriceEntry.fen, PriceEntry.starts_at, PriceEntry.ends_at)
    for first in range(0, len(wanted), BATCH):
        statement = (
            select(PriceEntry.trim_id, *columns, PriceEntry.recorded_at)
            .where(PriceEntry.trim_id.in_(wanted[first : first + BATCH]))
            .order_by(PriceEntry.id)
        )
        for trim_id, kind, deal_slug, fen, starts_at, ends_at, recorded_at in db.session.execute(statement):
            rows[trim_id].append(PriceRow(kind, deal_slug, fen, starts_at, ends_at, recorded_at))
    return dict(rows)


def price_history(trim_id: int) -> list[PricePeriod]:
    """What a trim cost when, earliest first: the guide price and each offer with its window; one statement."""
    return periods(list_price_rows([trim_id]).get(trim_id, []))


def lowest_price_last_7_days(trim_id: int, at: datetime) -> int | None:
    """The lowest offer (fen) of the seven days before `at`; none then, the last one; None when there never was one."""
    return lowest_offer(price_history(trim_id), at)
