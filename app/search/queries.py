"""What can be found, kept in the process per published number: series, trims, deals and stores with their texts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Generic, TypeVar

from sqlalchemy import select

from app.booking.models import OnePriceDeal
from app.catalog import queries as catalog
from app.catalog.queries import LineupSeries, LineupTrim
from app.core import publishing
from app.core.db import db
from app.dealers.models import Dealer
from app.dealers.rules import SHOWN
from app.search.rules import Hit, Query, Text, find, find_with_slip, prepare

T = TypeVar("T")

SERIES, TRIMS, DEALS, STORES = 6, 6, 4, 4
FIGURES = "零一两三四五六七八九"


@dataclass(frozen=True, slots=True)
class Deal:
    slug: str
    title: str
    price_fen: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Store:
    slug: str
    name: str
    city: str
    district: str


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A thing with the text that is shown, and further words it is found by."""

    thing: T
    text: Text
    others: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    series: list[Entry[LineupSeries]]
    trims: list[Entry[LineupTrim]]
    deals: list[Entry[Deal]]
    stores: list[Entry[Store]]


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A find and the letters of its name that were asked for."""

    thing: T
    parts: list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Results:
    """Finds by kind, the best first; `slip` when nothing is exactly so. `until` ends what is said about deals."""

    query: Query
    series: list[Found[LineupSeries]] = field(default_factory=list[Found[LineupSeries]])
    trims: list[Found[LineupTrim]] = field(default_factory=list[Found[LineupTrim]])
    deals: list[Found[Deal]] = field(default_factory=list[Found[Deal]])
    stores: list[Found[Store]] = field(default_factory=list[Found[Store]])
    slip: bool = False
    until: datetime | None = None
    suggestions: list[str] = field(default_factory=list[str])
    popular: list[LineupSeries] = field(default_factory=list[LineupSeries])

    @property
    def count(self) -> int:
        return len(self.series) + len(self.trims) + len(self.deals) + len(self.stores)


def search(query: Query, now: datetime) -> Results:
    """Everything that fits, exactly if possible, else with one slip; else suggestions and the maker's first series."""
    index = publishing.remembered("search", _load)
    popular = [entry.thing for entry in index.series[:4]]
    if not query.words:
        return Results(query, popular=popular)
    results = _search(query, index, now)
    if not results.count:
        results = _search_with_slip(query, index)
    if results.count:
        return results
    return Results(query, suggestions=_suggest(query, index), popular=popular)


def _search(query: Query, index: Index, now: datetime) -> Results:
    return Results(
        query,
        series=_pick(query, index.series, find, SERIES),
        trims=_pick(query, index.trims, find, TRIMS),
        deals=_pick(query, [e for e in index.deals if e.thing.starts_at <= now < e.thing.ends_at], find, DEALS),
        stores=_pick(query, index.stores, find, STORES),
        until=_next_change(index, now),
    )


def _search_with_slip(query: Query, index: Index) -> Results:
    """Names of series, else of cities and districts: what a slip may mean there is few enough to be of use."""
    series = _pick(query, index.series, find_with_slip, SERIES)
    if series:
        return Results(query, series=series, slip=True)
    places = {text.shown: text for entry in index.stores for text in entry.others}
    meant = {shown for shown, text in places.items() if find_with_slip(query, text)}
    stores = [entry for entry in index.stores if any(text.shown in meant for text in entry.others)][:STORES]
    plain = [Found(entry.thing, _parts(entry.text.shown, frozenset())) for entry in stores]
    return Results(query, stores=plain, slip=True)


def _pick(
    query: Query, entries: Iterable[Entry[T]], how: Callable[[Query, Text], Hit | None], limit: int
) -> list[Found[T]]:
    hits: list[tuple[int, int, Entry[T], Hit]] = []
    for place, entry in enumerate(entries):
        hit = how(query, entry.text)
        if hit is None:
            other = min((h.rank for text in entry.others if (h := how(query, text))), default=None)
            hit = None if other is None else Hit(other, frozenset())
        if hit is not None:
            hits.append((hit.rank, place, entry, hit))
    hits.sort(key=lambda found: found[:2])
    return [Found(entry.thing, _parts(entry.text.shown, hit.marks)) for _, _, entry, hit in hits[:limit]]


def _parts(shown: str, marks: frozenset[int]) -> list[tuple[str, bool]]:
    """The text cut where marking begins and ends; a space between two marked letters is marked with them."""
    parts: list[tuple[str, bool]] = []
    for place, letter in enumerate(shown):
        marked = place in marks or (letter == " " and place - 1 in marks and place + 1 in marks)
        if parts and parts[-1][1] == marked:
            parts[-1] = (parts[-1][0] + letter, marked)
        else:
            parts.append((letter, marked))
    return parts


def _suggest(query: Query, index: Index) -> list[str]:
    """Names of series that look or sound a little like the query."""
    names: dict[str, str] = {}
    for entry in index.series:
        for spelling in (s for text in (entry.text, *entry.others[:1]) for s in text.spellings):
            names.setdefault(spelling, entry.thing.name)
    close = get_close_matches(query.joined, list(names), n=6, cutoff=0.4)
    return list(dict.fromkeys(names[spelling] for spelling in close))[:3]


def _next_change(index: Index, now: datetime) -> datetime | None:
    """When the next deal begins or ends."""
    edges = (edge for e in index.deals for edge in (e.thing.starts_at, e.thing.ends_at))
    return min((edge for edge in edges if edge > now), default=None)


def _load() -> Index:
    lineup = catalog.get_lineup()
    brand = catalog.find_brand()
    brand_name = brand.name if brand else ""
    series = [Entry(car, prepare(car.name), _texts(_words(car, brand_name))) for car in lineup.series]
    trims = [
        Entry(trim, prepare(trim.full_name), _texts([f"{car.english_name} {trim.name}"]))
        for car in lineup.series
        for trim in car.trims
    ]
    deals = [
        Entry(Deal(slug, title, fen, starts, ends), prepare(title))
        for slug, title, fen, starts, ends in db.session.execute(
            select(
                OnePriceDeal.slug,
                OnePriceDeal.title,
                OnePriceDeal.price_fen,
                OnePriceDeal.starts_at,
                OnePriceDeal.ends_at,
            )
            .where(OnePriceDeal.withdrawn.is_(False))
            .order_by(OnePriceDeal.ends_at, OnePriceDeal.id)
        )
    ]
    stores = [
        Entry(Store(slug, name, city, district), prepare(name), _texts([f"{city}{district}"]))
        for slug, name, city, district in db.session.execute(
            select(Dealer.slug, Dealer.name, Dealer.city, Dealer.district)
            .where(Dealer.status.in_(SHOWN))
            .order_by(Dealer.city, Dealer.slug)
        )
    ]
    return Index(series, trims, deals, stores)


def _words(car: LineupSeries, brand: str) -> Sequence[str]:
    """What else a series is called by: its English name, what it is, its brand."""
    seats = f"{car.seats}座" if car.seats else ""
    spoken = f"{FIGURES[car.seats]}座" if car.seats and car.seats < len(FIGURES) else ""
    return [car.english_name, f"{car.energy}{car.body_class}{seats}", f"{seats}{car.body_class}", spoken, brand]


def _texts(words: Iterable[str]) -> tuple[Text, ...]:
    return tuple(prepare(word) for word in dict.fromkeys(words) if word.strip())
