"""What the model page shows of one series."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.catalog.models import Picture, Series, SeriesPicture
from app.catalog.queries.cards import SHOWN, SeriesCard, list_series
from app.catalog.queries.parts import Car, PageColour, PageTrim, Parts, Shot, get_parts
from app.catalog.rules import (
    KEY_SPECS,
    ColourSide,
    Fit,
    Launch,
    SaleStatus,
    fit_words,
    key_specs,
    launch,
    likeness,
    range_words,
)
from app.core.db import db

LAUNCH_ITEM = "上市时间"
SIMILAR = 4
SUCCESSORS = 5
COMPARED = 4
FACTS = 2
ASKED = {LAUNCH_ITEM, *(name for _, names in KEY_SPECS for name in names)}


@dataclass(frozen=True, slots=True)
class SpecRow:
    """参数: one item of every trim. `text` is the chosen trim's in words, `values` each trim's in the page's order.

    `others` says which trims have which other value: (their names, the value in words).
    """

    name: str
    unit: str
    text: str
    value: str
    values: tuple[str, ...]
    others: list[tuple[str, str]]

    @property
    def differs(self) -> bool:
        return bool(self.others)


@dataclass(frozen=True, slots=True)
class SpecGroup:
    """参数配置 under one heading."""

    name: str
    rows: list[SpecRow]

    @property
    def differing(self) -> int:
        return sum(row.differs for row in self.rows)


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """All that the model page says about a series; `trim` is the one whose specification is shown first.

    `keys` are ranges over the trims unless one was asked for; `facts` tell the trims apart, in their order.
    """

    series: Car
    trims: list[PageTrim]
    trim: PageTrim | None
    exterior: list[PageColour]
    interior: list[PageColour]
    colour: PageColour | None
    picture: Shot | None
    gallery: list[Shot]
    groups: list[SpecGroup]
    keys: list[tuple[str, str, str]]
    facts: list[list[tuple[str, str, str]]]
    launch: Launch | None
    asked_trim: str | None
    asked_colour: str | None

    @property
    def upcoming(self) -> bool:
        return self.series.status == SaleStatus.UPCOMING

    @property
    def price_range(self) -> tuple[int, int] | None:
        prices = [trim.msrp_fen for trim in self.trims]
        return (min(prices), max(prices)) if prices else None

    @property
    def years(self) -> str:
        """2025–2026款 of the trims on sale."""
        years = sorted({trim.model_year for trim in self.trims})
        return years[0] if len(years) == 1 else f"{years[0].removesuffix('款')}–{years[-1]}" if years else ""

    @property
    def compare_address(self) -> str:
        return "/compare?trims=" + ",".join(trim.slug for trim in self.trims[:COMPARED])

    @property
    def turns(self) -> bool:
        """Whether the picture on the stage is the car of the turntable, which comes in one colour, the first."""
        return bool(self.series.turntable) and (not self.exterior or self.colour == self.exterior[0])

    @property
    def points(self) -> list[str]:
        """亮点"""
        return [word.strip() for word in self.series.highlights.split("；") if word.strip()]


@dataclass(frozen=True, slots=True)
class GonePage:
    """What is said where no car is sold: its name when it once was, what followed it, cars like it."""

    name: str | None
    successor: SeriesCard | None
    similar: list[SeriesCard]


def get_series_page(slug: str, trim_slug: str | None = None, colour_name: str | None = None) -> SeriesPage:
    """The model page. An unknown trim falls back to the cheapest, an unknown colour to the first.

    SeriesNotFound when withdrawn or unknown.
    """
    parts = get_parts(slug)
    series, trims, colours = parts.car, parts.trims, parts.colours
    trim = next((t for t in trims if t.slug == trim_slug), min(trims, key=lambda t: t.msrp_fen, default=None))
    exterior = [c for c in colours if c.side == ColourSide.EXTERIOR]
    colour = next((c for c in exterior if c.name == colour_name), exterior[0] if exterior else None)
    groups = _groups(parts, trim) if trim else []
    rows = [row for group in groups for row in group.rows if row.name in ASKED]
    chosen = trim is not None and trim.slug == trim_slug
    asked = colour is not None and colour.name == colour_name
    values = {row.name: (row.value, row.unit) for row in rows}
    ranges = {row.name: (row.value if chosen else range_words(row.values), row.unit) for row in rows}
    return SeriesPage(
        series=series,
        trims=trims,
        trim=trim,
        exterior=exterior,
        interior=[c for c in colours if c.side == ColourSide.INTERIOR],
        colour=colour,
        picture=(colour.picture if colour else None) or series.cover,
        gallery=parts.gallery,
        groups=groups,
        keys=key_specs(ranges),
        facts=[
            key_specs({r.name: (r.values[i], r.unit) for r in rows if r.differs})[:FACTS] for i in range(len(trims))
        ],
        launch=launch(series.on_sale_on, values.get(LAUNCH_ITEM, ("", ""))[0])
        if series.status == SaleStatus.UPCOMING
        else None,
        asked_trim=trim_slug if chosen else None,
        asked_colour=colour_name if asked else None,
    )


def list_frames(slug: str) -> list[Picture]:
    """The turntable's frames in order, the front first; empty when a series has none or is not shown."""
    rows = db.session.scalars(
        select(SeriesPicture)
        .join(Series, Series.id == SeriesPicture.series_id)
        .where(Series.slug == slug, Series.status.in_(SHOWN), SeriesPicture.kind == "frame")
        .order_by(SeriesPicture.position)
        .options(joinedload(SeriesPicture.picture))
    )
    return [row.picture for row in rows]


def get_gone_page(slug: str) -> GonePage:
    """The page of a series that is withdrawn, or was never there (`name` is None)."""
    series = _find_any(slug)
    cards = list_series()
    shown = {card.slug: card for card in cards}
    if series is None:
        return GonePage(None, None, cards[:SIMILAR])
    follower, hops = series.successor_slug, 0
    # A successor may have been succeeded itself; the limit ends a circle.
    while follower and follower not in shown and hops < SUCCESSORS:
        following = _find_any(follower)
        follower, hops = following.successor_slug if following else "", hops + 1
    successor = shown.get(follower)
    others = [card for card in cards if card is not successor]
    others.sort(key=lambda card: likeness(series.body_class, series.energy, card.body_class, card.energy), reverse=True)
    return GonePage(series.name, successor, others[:SIMILAR])


def _find_any(slug: str) -> Series | None:
    return db.session.scalars(select(Series).where(Series.slug == slug)).one_or_none()


def _groups(parts: Parts, chosen: PageTrim) -> list[SpecGroup]:
    ids, names = [trim.id for trim in parts.trims], [trim.name for trim in parts.trims]
    at = ids.index(chosen.id)
    return [
        SpecGroup(group, [_row(name, unit, values, ids, names, at) for name, (unit, values) in items.items()])
        for group, items in parts.sheet.items()
    ]


def _row(name: str, unit: str, given: dict[int, str], ids: list[int], names: list[str], at: int) -> SpecRow:
    values = tuple([given.get(trim_id, Fit.ABSENT) for trim_id in ids])
    value = values[at]
    text = _words(value, unit)
    if values.count(value) == len(values):
        return SpecRow(name, unit, text, value, values, [])
    others: dict[str, list[str]] = {}
    for trim_name, other in zip(names, values, strict=True):
        if other != value:
            others.setdefault(other, []).append(trim_name)
    listed = [("、".join(who), _words(other, unit)) for other, who in others.items()]
    return SpecRow(name, unit, text, value, values, listed)


def _words(value: str, unit: str) -> str:
    words = fit_words(value)
    return f"{words}\u00a0{unit}" if unit and value != Fit.ABSENT else words
