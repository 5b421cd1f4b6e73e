"""阵容: every series with its trims, read once per published number and kept in the process.

The list, the comparison and the search work on it, so a page costs the same with twenty trims and with five thousand.
"""

import re
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import and_, select
from sqlalchemy.orm import joinedload

from app.catalog.facets import FacetIndex
from app.catalog.models import Picture, Series, SpecItem, Trim
from app.catalog.queries.cards import SHOWN
from app.catalog.rules import SaleStatus
from app.core import publishing
from app.core.db import db

_RANGE = "纯电续航"
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class LineupTrim:
    """A trim on sale. `range_km` is its electric range, by CLTC where the sheet has it; `car` its series."""

    id: int
    slug: str
    model_year: str
    name: str
    msrp_fen: int
    range_km: int | None
    car: "LineupSeries" = field(repr=False, compare=False)

    @property
    def full_name(self) -> str:
        return f"{self.car.name} {self.model_year} {self.name}"


@dataclass(frozen=True, slots=True)
class LineupSeries:
    """A series that is or will be on sale, with its trims on sale in the maker's order."""

    slug: str
    name: str
    english_name: str
    energy: str
    body_class: str
    seats: int | None
    status: str
    on_sale_on: date | None
    cover: Picture | None
    trims: list[LineupTrim] = field(repr=False)

    @property
    def entry(self) -> LineupTrim | None:
        """The trim whose price the list says."""
        return min(self.trims, key=lambda trim: trim.msrp_fen, default=None)

    @property
    def range_km(self) -> int | None:
        return max((trim.range_km for trim in self.trims if trim.range_km is not None), default=None)

    @property
    def upcoming(self) -> bool:
        return self.status == SaleStatus.UPCOMING


@dataclass(frozen=True, slots=True)
class Lineup:
    """All series in the maker's order, ready to be narrowed, and their trims by 编号."""

    series: list[LineupSeries]
    trims: dict[str, LineupTrim]
    facets: FacetIndex[LineupSeries]


def get_lineup() -> Lineup:
    """The present line-up: two statements once per published number and process, else one for the number."""
    return publishing.remembered("lineup", _load)


def _load() -> Lineup:
    series: dict[int, LineupSeries] = {}
    for row in db.session.scalars(
        select(Series)
        .where(Series.status.in_(SHOWN))
        .order_by(Series.position, Series.id)
        .options(joinedload(Series.cover))
    ):
        series[row.id] = LineupSeries(
            slug=row.slug,
            name=row.name,
            english_name=row.english_name,
            energy=row.energy,
            body_class=row.body_class,
            seats=row.seats,
            status=row.status,
            on_sale_on=row.on_sale_on,
            cover=row.cover,
            trims=[],
        )
    # Two series may share a picture; out of the session it keeps what was read.
    for cover in {id(s.cover): s.cover for s in series.values() if s.cover}.values():
        db.session.expunge(cover)
    trims: dict[str, LineupTrim] = {}
    for trim, item, value in db.session.execute(
        select(Trim, SpecItem.name, SpecItem.value)
        .outerjoin(SpecItem, and_(SpecItem.trim_id == Trim.id, SpecItem.name.contains(_RANGE)))
        .where(Trim.status == SaleStatus.ON_SALE)
        .order_by(Trim.series_id, Trim.position, Trim.msrp_fen, Trim.id, SpecItem.position)
    ):
        if (car := series.get(trim.series_id)) is None:
            continue
        known = trims.get(trim.slug)
        if known is None or (item and item.startswith("CLTC")):
            made = LineupTrim(trim.id, trim.slug, trim.model_year, trim.name, trim.msrp_fen, _kilometres(value), car)
            if known is not None:
                car.trims.remove(known)
            car.trims.append(made)
            trims[trim.slug] = made
    cars = list(series.values())
    return Lineup(cars, trims, FacetIndex(cars))


def _kilometres(value: str | None) -> int | None:
    found = _NUMBER.match(value.strip()) if value else None
    return int(found[0][:5]) if found else None
