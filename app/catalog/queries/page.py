"""What the model page says."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.catalog.errors import SeriesNotFound
from app.catalog.models import Colour, Picture, Series, SeriesPicture, SpecItem, Trim
from app.catalog.queries.cards import SHOWN
from app.catalog.rules import ColourSide, SaleStatus, key_specs
from app.core.db import db


@dataclass(frozen=True, slots=True)
class SpecGroup:
    """参数配置 of one trim under one heading: (name, value, unit)."""

    name: str
    items: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """All that the model page says about a series; `trim` is the one whose specification is shown."""

    series: Series
    trims: list[Trim]
    trim: Trim | None
    exterior: list[Colour]
    interior: list[Colour]
    colour: Colour | None
    picture: Picture | None
    gallery: list[Picture]
    groups: list[SpecGroup]
    keys: list[tuple[str, str, str]]

    @property
    def price_range(self) -> tuple[int, int] | None:
        prices = [trim.msrp_fen for trim in self.trims]
        return (min(prices), max(prices)) if prices else None


def get_series_page(slug: str, trim_slug: str | None = None, colour_name: str | None = None) -> SeriesPage:
    """The model page. An unknown trim falls back to the cheapest, an unknown colour to the first.

    SeriesNotFound when withdrawn or unknown.
    """
    series = db.session.scalars(
        select(Series)
        .where(Series.slug == slug, Series.status.in_(SHOWN))
        .options(joinedload(Series.cover), joinedload(Series.brand))
    ).one_or_none()
    if series is None:
        raise SeriesNotFound
    trims = list(
        db.session.scalars(
            select(Trim)
            .where(Trim.series_id == series.id, Trim.status == SaleStatus.ON_SALE)
            .order_by(Trim.position, Trim.msrp_fen, Trim.id)
        )
    )
    trim = next((t for t in trims if t.slug == trim_slug), min(trims, key=lambda t: t.msrp_fen, default=None))
    colours = _colours(series.id)
    exterior = [c for c in colours if c.side == ColourSide.EXTERIOR]
    colour = next((c for c in exterior if c.name == colour_name), exterior[0] if exterior else None)
    groups = _groups(trim.id) if trim else []
    return SeriesPage(
        series=series,
        trims=trims,
        trim=trim,
        exterior=exterior,
        interior=[c for c in colours if c.side == ColourSide.INTERIOR],
        colour=colour,
        picture=(colour.picture if colour else None) or series.cover,
        gallery=_gallery(series.id),
        groups=groups,
        keys=key_specs({name: (value, unit) for group in groups for name, value, unit in group.items}),
    )


def _colours(series_id: int) -> list[Colour]:
    return list(
        db.session.scalars(
            select(Colour)
            .where(Colour.series_id == series_id, Colour.withdrawn.is_(False))
            .order_by(Colour.position, Colour.id)
            .options(joinedload(Colour.picture))
        )
    )


def _gallery(series_id: int) -> list[Picture]:
    rows = db.session.scalars(
        select(SeriesPicture)
        .where(SeriesPicture.series_id == series_id, SeriesPicture.kind == "gallery")
        .order_by(SeriesPicture.position)
        .options(joinedload(SeriesPicture.picture))
    )
    return [row.picture for row in rows]


def _groups(trim_id: int) -> list[SpecGroup]:
    rows = db.session.execute(
        select(SpecItem.group_name, SpecItem.name, SpecItem.value, SpecItem.unit)
        .where(SpecItem.trim_id == trim_id)
        .order_by(SpecItem.position, SpecItem.id)
    )
    groups: dict[str, SpecGroup] = {}
    for group, name, value, unit in rows:
        groups.setdefault(group, SpecGroup(group, [])).items.append((name, value, unit))
    return list(groups.values())
