"""What the pages of one series are made from: plain values, read by four statements and kept for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, bindparam, select

from app.catalog.errors import SeriesNotFound
from app.catalog.models import Brand, Colour, Picture, Series, SeriesPicture, SpecItem, Trim
from app.catalog.queries.cards import SHOWN
from app.catalog.rules import SaleStatus
from app.core import publishing
from app.core.db import db

REMEMBERED = 16  # series: a specification of 80 trims is about a megabyte
Sheet = dict[str, dict[str, tuple[str, dict[int, str]]]]


@dataclass(frozen=True, slots=True)
class Shot:
    """A stored picture as pages show it."""

    digest: str
    widths: str
    forms: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Maker:
    name: str


@dataclass(frozen=True, slots=True)
class Car:
    """A series as its page describes it."""

    id: int
    slug: str
    name: str
    body_class: str
    energy: str
    seats: int | None
    highlights: str
    intro: str
    turntable: str
    status: str
    on_sale_on: date | None
    updated_at: datetime
    brand: Maker
    cover: Shot | None


@dataclass(frozen=True, slots=True)
class PageTrim:
    """A trim on sale."""

    id: int
    slug: str
    model_year: str
    name: str
    msrp_fen: int
    purchase_tax: str


@dataclass(frozen=True, slots=True)
class PageColour:
    name: str
    hex: str
    side: str
    surcharge_fen: int
    picture: Shot | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pages of one series are made from. `sheet`: by group and item, its unit and the trims' values."""

    car: Car
    trims: list[PageTrim]
    colours: list[PageColour]
    gallery: list[Shot]
    sheet: Sheet


_SHOT = (Picture.digest, Picture.widths, Picture.forms, Picture.width, Picture.height)
# Made once: putting a statement together costs as much as running it.
_SERIES = (
    select(
        Series.id,
        Series.slug,
        Series.name,
        Series.body_class,
        Series.energy,
        Series.seats,
        Series.highlights,
        Series.intro,
        Series.turntable,
        Series.status,
        Series.on_sale_on,
        Series.updated_at,
        Brand.name.label("brand"),
        *_SHOT,
        Trim.id.label("trim_id"),
        Trim.slug.label("trim_slug"),
        Trim.model_year,
        Trim.name.label("trim_name"),
        Trim.msrp_fen,
        Trim.purchase_tax,
    )
    .join(Brand, Brand.id == Series.brand_id)
    .outerjoin(Picture, Picture.id == Series.cover_id)
    .outerjoin(Trim, and_(Trim.series_id == Series.id, Trim.status == SaleStatus.ON_SALE))
    .where(Series.slug == bindparam("slug"), Series.status.in_(SHOWN))
    .order_by(Trim.position, Trim.msrp_fen, Trim.id)
)
_COLOURS = (
    select(Colour.name, Colour.hex, Colour.side, Colour.surcharge_fen, *_SHOT)
    .outerjoin(Picture, Picture.id == Colour.picture_id)
    .where(Colour.series_id == bindparam("series_id"), Colour.withdrawn.is_(False))
    .order_by(Colour.position, Colour.id)
)
_GALLERY = (
    select(*_SHOT)
    .join(SeriesPicture, SeriesPicture.picture_id == Picture.id)
    .where(SeriesPicture.series_id == bindparam("series_id"), SeriesPicture.kind == "gallery")
    .order_by(SeriesPicture.position)
)
_SHEET = (
    select(SpecItem.trim_id, SpecItem.group_name, SpecItem.name, SpecItem.value, SpecItem.unit)
    .join(Trim, Trim.id == SpecItem.trim_id)
    .where(Trim.series_id == bindparam("series_id"), Trim.status == SaleStatus.ON_SALE)
    .order_by(SpecItem.position, SpecItem.id)
)


def get_parts(slug: str) -> Parts:
    """Four statements, or none for a series that was shown under the same published number a short time ago.

    SeriesNotFound when withdrawn or unknown.
    """
    return publishing.remembered_one("series_parts", slug, lambda: _load(slug), REMEMBERED)


def _load(slug: str) -> Parts:
    rows: Sequence[Any] = db.session.execute(_SERIES, {"slug": slug}).all()
    if not rows:
        raise SeriesNotFound
    first = rows[0]
    own = {"series_id": first.id}
    return Parts(
        car=Car(*first[:12], brand=Maker(first.brand), cover=_shot(first[13:18])),
        trims=[PageTrim(*row[18:]) for row in rows if row.trim_id is not None],
        colours=[PageColour(*row[:4], picture=_shot(row[4:])) for row in db.session.execute(_COLOURS, own)],
        gallery=[Shot(*row) for row in db.session.execute(_GALLERY, own)],
        sheet=_sheet(first.id),
    )


def _shot(columns: Sequence[Any]) -> Shot | None:
    return Shot(*columns) if columns[0] is not None else None


def _sheet(series_id: int) -> Sheet:
    """The specification of every trim, merged by item; an item stands where the first trim that has it puts it."""
    found: Sheet = {}
    same: dict[str, str] = {}  # Most values are those of another trim; each is kept once.
    for trim_id, group, name, value, unit in db.session.execute(_SHEET, {"series_id": series_id}):
        items = found.setdefault(group, {})
        text = same.setdefault(value, value)
        if name in items:
            items[name][1][trim_id] = text
        else:
            items[name] = unit, {trim_id: text}
    return found
