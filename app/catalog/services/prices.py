"""Prices change here and in the workbook, and every change leaves a row in the ledger of the same transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import insert, select, update

from app.catalog.errors import PriceRefused, TrimNotFound
from app.catalog.models import PriceEntry, Series, Trim
from app.catalog.pricing import PriceKind, guide_change_problem
from app.catalog.queries.prices import list_price_rows
from app.core import audit, publishing
from app.core.db import changed_rows, db, transaction
from app.core.security import Actor


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price that is published now. An offer that ends early or is withdrawn is written again with its new end."""

    trim_id: int
    kind: PriceKind
    fen: int
    starts_at: datetime
    ends_at: datetime | None = None
    deal_slug: str = ""


def record_prices(
    prices: Iterable[NewPrice], now: datetime, *, source: Literal["import", "office"], actor: Actor
) -> None:
    """Add rows to the ledger, within the caller's transaction; publishing is the caller's."""
    rows = [
        {
            "trim_id": price.trim_id,
            "kind": price.kind.value,
            "deal_slug": price.deal_slug,
            "fen": price.fen,
            "starts_at": price.starts_at,
            "ends_at": price.ends_at,
            "recorded_at": now,
            "source": source,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
        }
        for price in prices
    ]
    if rows:
        db.session.execute(insert(PriceEntry), rows)


def change_guide_price(slug: str, fen: int, actor: Actor, now: datetime) -> bool:
    """调价: a trim's guide price from now on, visible at the next request; False when it is so already.

    TrimNotFound; PriceRefused with the rule's name when an offer forbids it.
    """
    with transaction() as session:
        trim = session.scalars(select(Trim).where(Trim.slug == slug).with_for_update()).one_or_none()
        if trim is None:
            raise TrimNotFound
        before = trim.msrp_fen
        if before == fen:
            return False
        if problem := guide_change_problem(list_price_rows([trim.id]).get(trim.id, []), fen, now):
            raise PriceRefused(f"{problem}。")
        changed_rows(update(Trim).where(Trim.id == trim.id).values(msrp_fen=fen))
        changed_rows(update(Series).where(Series.id == trim.series_id).values(updated_at=now))
        record_prices([NewPrice(trim.id, PriceKind.GUIDE, fen, now)], now, source="office", actor=actor)
        audit.record(actor, "guide_price_changed", "trim", trim.id, before=before, after=fen)
        publishing.bump()
        return True
