"""What the tools ask the catalog: one trim with its siblings, its price history, the cheapest of a series."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.catalog.models import Picture, PriceEntry, Series, SpecItem, Trim
from app.catalog.rules import SaleStatus
from app.core.clock import local
from app.core.db import db
from app.costs.rules.landing import CarFacts

SHOWN = (SaleStatus.ON_SALE, SaleStatus.UPCOMING)
_DIGITS = re.compile(r"\d{1,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CostCar:
    """A trim as the tools see it; `siblings` are (slug, name) of the series' trims on sale."""

    trim_id: int
    slug: str
    name: str
    series_slug: str
    series_name: str
    msrp_fen: int
    facts: CarFacts
    cover: Picture | None
    siblings: list[tuple[str, str]]


def find_car(trim_slug: str) -> CostCar | None:
    """The trim while its series is shown and it is on sale; three statements."""
    trim = db.session.scalars(
        select(Trim)
        .join(Trim.series)
        .where(Trim.slug == trim_slug, Trim.status == SaleStatus.ON_SALE, Series.status.in_(SHOWN))
        .options(joinedload(Trim.series).joinedload(Series.cover))
    ).one_or_none()
    if trim is None:
        return None
    series = trim.series
    siblings = db.session.execute(
        select(Trim.slug, Trim.model_year, Trim.name)
        .where(Trim.series_id == series.id, Trim.status == SaleStatus.ON_SALE)
        .order_by(Trim.position, Trim.msrp_fen, Trim.id)
    )
    spec = _numbers(trim.id)
    return CostCar(
        trim_id=trim.id,
        slug=trim.slug,
        name=f"{series.name} {trim.model_year} {trim.name}",
        series_slug=series.slug,
        series_name=series.name,
        msrp_fen=trim.msrp_fen,
        facts=CarFacts(series.energy, trim.purchase_tax, spec.get("座位数") or series.seats, spec.get("排量")),
        cover=series.cover,
        siblings=[(slug, f"{year} {name}") for slug, year, name in siblings],
    )


def find_cheapest(series_slug: str) -> tuple[str, str, int] | None:
    """(trim, name, guide price) of the cheapest trim on sale of a series."""
    row = db.session.execute(
        select(Trim.slug, Trim.name, Trim.msrp_fen)
        .join(Trim.series)
        .where(Series.slug == series_slug, Series.status.in_(SHOWN), Trim.status == SaleStatus.ON_SALE)
        .order_by(Trim.msrp_fen, Trim.position)
        .limit(1)
    ).first()
    return (row.slug, row.name, row.msrp_fen) if row else None


def list_starts(limit: int = 12) -> list[tuple[str, str, int]]:
    """(trim, series, guide price) of the cheapest trim of each series on sale, to begin with; one statement."""
    order = (Trim.msrp_fen, Trim.position, Trim.id)
    nth = func.row_number().over(partition_by=Trim.series_id, order_by=order).label("nth")
    cheap = select(Trim.slug, Trim.series_id, Trim.msrp_fen, nth).where(Trim.status == SaleStatus.ON_SALE).subquery()
    rows = db.session.execute(
        select(cheap.c.slug, Series.name, cheap.c.msrp_fen)
        .join(Series, Series.id == cheap.c.series_id)
        .where(cheap.c.nth == 1, Series.status.in_(SHOWN))
        .order_by(Series.position, Series.id)
        .limit(limit)
    )
    return [(slug, name, fen) for slug, name, fen in rows]


def _numbers(trim_id: int) -> dict[str, int]:
    """Displacement in mL (1.5 L is read as 1,500) and seats, where the specification says them."""
    rows = db.session.execute(
        select(SpecItem.name, SpecItem.value, SpecItem.unit).where(
            SpecItem.trim_id == trim_id, SpecItem.name.in_(("排量", "座位数"))
        )
    )
    found: dict[str, int] = {}
    for name, value, unit in rows:
        litres = re.fullmatch(r"(\d)\.(\d)", value) if name == "排量" else None
        if litres and unit.upper() in ("", "L"):
            found[name] = int(litres[1]) * 1000 + int(litres[2]) * 100
        elif match := _DIGITS.match(value.replace(",", "")):
            found[name] = int(match[0])
    return found


@dataclass(frozen=True, slots=True)
class PriceStep:
    """One guide price of a trim and since when it is published."""

    since: datetime
    fen: int


def price_history(trim_id: int, limit: int = 24) -> list[PriceStep]:
    """The guide prices of a trim from the ledger, oldest first: the last one of each day, repeated ones once."""
    rows = db.session.execute(
        select(PriceEntry.recorded_at, PriceEntry.fen)
        .where(PriceEntry.trim_id == trim_id, PriceEntry.kind == "guide")
        .order_by(PriceEntry.id.desc())
        .limit(limit)
    )
    steps: list[PriceStep] = []
    for since, fen in reversed(list(rows)):
        if steps and local(steps[-1].since).date() == local(since).date():
            steps.pop()
        if not steps or steps[-1].fen != fen:
            steps.append(PriceStep(since, fen))
    return steps
