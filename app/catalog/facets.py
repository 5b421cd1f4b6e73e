"""筛选: what the list can be narrowed by, and how many series each choice would leave.

Series are bits of an integer, so counting every choice of every facet costs microseconds whatever the number of cars.
Price and range belong to a trim: a series fits when one and the same trim has a chosen price and a chosen range.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlencode

from app.catalog.rules import BodyClass, Energy

WAN = 1_000_000


class Priced(Protocol):
    """What a facet asks of a trim."""

    @property
    def msrp_fen(self) -> int: ...
    @property
    def range_km(self) -> int | None: ...
    @property
    def model_year(self) -> str: ...


class Car(Protocol):
    """What a facet asks of a series."""

    @property
    def energy(self) -> str: ...
    @property
    def body_class(self) -> str: ...
    @property
    def seats(self) -> int | None: ...
    @property
    def range_km(self) -> int | None: ...
    @property
    def on_sale_on(self) -> date | None: ...
    @property
    def trims(self) -> Sequence[Priced]: ...


C = TypeVar("C", bound=Car)


@dataclass(frozen=True, slots=True)
class Band:
    """A half-open interval: `low` ≤ value < `high`; None is open. `value` is how the address writes it."""

    value: str
    text: str
    low: int | None
    high: int | None

    def holds(self, number: int | None) -> bool:
        if number is None:
            return False
        return (self.low is None or number >= self.low) and (self.high is None or number < self.high)


PRICES = (
    Band("0-10", "10 万以下", None, 10 * WAN),
    Band("10-15", "10–15 万", 10 * WAN, 15 * WAN),
    Band("15-20", "15–20 万", 15 * WAN, 20 * WAN),
    Band("20-30", "20–30 万", 20 * WAN, 30 * WAN),
    Band("30-50", "30–50 万", 30 * WAN, 50 * WAN),
    Band("50-", "50 万以上", 50 * WAN, None),
)
RANGES = (
    Band("0-200", "200 km 以下", None, 200),
    Band("200-400", "200–400 km", 200, 400),
    Band("400-600", "400–600 km", 400, 600),
    Band("600-", "600 km 以上", 600, None),
)
SEATS = (
    Band("2", "2–3 座", 1, 4),
    Band("4", "4 座", 4, 5),
    Band("5", "5 座", 5, 6),
    Band("6", "6 座", 6, 7),
    Band("7", "7 座及以上", 7, None),
)
SORTS = {"": "推荐", "price": "价格低到高", "-price": "价格高到低", "new": "上市新到旧", "range": "续航长到短"}


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing to narrow by: its name in the address, its word, its (value, text) choices."""

    name: str
    text: str
    choices: tuple[tuple[str, str], ...]

    def text_of(self, value: str) -> str:
        return dict(self.choices)[value]


FACETS = (
    Facet("price", "价格", tuple((b.value, b.text) for b in PRICES)),
    Facet("class", "级别", tuple((b.value, b.value) for b in BodyClass)),
    Facet("energy", "能源", tuple((e.value, e.value) for e in Energy)),
    Facet("seats", "座位", tuple((b.value, b.text) for b in SEATS)),
    Facet("range", "纯电续航", tuple((b.value, b.text) for b in RANGES)),
)
BY_NAME = {facet.name: facet for facet in FACETS}
PARAMETERS = (*BY_NAME, "sort", "page", "more")
MAX_PAGE = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """What an address asks for, reduced to what is ours: chosen values by facet, order, pages shown."""

    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sort: str = ""
    page: int = 1

    def of(self, name: str) -> tuple[str, ...]:
        return dict(self.values).get(name, ())

    @property
    def chosen(self) -> list[tuple[Facet, str, str]]:
        """(facet, value, text) of every chosen value, in the order of the page."""
        return [
            (BY_NAME[name], value, BY_NAME[name].text_of(value)) for name, values in self.values for value in values
        ]

    def without(self, name: str, value: str) -> "Choice":
        kept = [(n, tuple(v for v in vs if (n, v) != (name, value))) for n, vs in self.values]
        return Choice(tuple((n, vs) for n, vs in kept if vs), self.sort)

    def sorted_by(self, sort: str) -> "Choice":
        return Choice(self.values, sort)

    def at(self, page: int) -> "Choice":
        return replace(self, page=page)

    @property
    def address(self) -> str:
        """The list with these choices; equal choices have equal addresses."""
        pairs = [(name, value) for name, values in self.values for value in values]
        pairs += [("sort", self.sort)] if self.sort else []
        pairs += [("page", str(self.page))] if self.page > 1 else []
        return "/series" + ("?" + urlencode(pairs) if pairs else "")


def read_choice(many: Callable[[str], Iterable[str]]) -> Choice:
    """A choice from `many(name)`, all values given for a parameter; what is not one of ours is ignored."""
    values: list[tuple[str, tuple[str, ...]]] = []
    for facet in FACETS:
        given = set(many(facet.name))
        if kept := tuple(value for value, _ in facet.choices if value in given):
            values.append((facet.name, kept))
    sort = next((s for s in many("sort") if s in SORTS), "")
    return Choice(tuple(values), sort, _page(next(iter(many("page")), "")))


def _page(text: str) -> int:
    return min(max(int(text), 1), MAX_PAGE) if text.isascii() and text.isdigit() and len(text) < 9 else 1


class FacetIndex(Generic[C]):
    """The bits of a line-up, made once per published number."""

    def __init__(self, cars: Sequence[C]) -> None:
        self.cars = cars
        self.all = (1 << len(cars)) - 1
        self._plain: dict[str, dict[str, int]] = {
            "class": _bits(cars, lambda car: [car.body_class]),
            "energy": _bits(cars, lambda car: [car.energy]),
            "seats": _bits(cars, lambda car: [b.value for b in SEATS if b.holds(car.seats)]),
        }
        self._pairs = _pairs(cars)

    def match(self, choice: Choice) -> int:
        """The series that fit, as bits."""
        return self._match({name: set(values) for name, values in choice.values})

    def counts(self, choice: Choice) -> dict[str, list[tuple[str, str, int, bool]]]:
        """By facet: (value, text, series it would leave beside the other facets' choices, whether it is chosen).

        Values that no series has are left out.
        """
        chosen = {name: set(values) for name, values in choice.values}
        found: dict[str, list[tuple[str, str, int, bool]]] = {}
        for facet in FACETS:
            others = {name: values for name, values in chosen.items() if name != facet.name}
            mine = chosen.get(facet.name, set())
            found[facet.name] = [
                (value, text, self._match({**others, facet.name: {value}}).bit_count(), value in mine)
                for value, text in facet.choices
                if value in mine or self._match({facet.name: {value}})
            ]
        return found

    def ways_out(self, choice: Choice) -> list[tuple[str, str, int]]:
        """For a choice that leaves nothing: (text, address, series) for each value that can be dropped, best first."""
        ways = [
            (text, choice.without(facet.name, value).address, self.match(choice.without(facet.name, value)).bit_count())
            for facet, value, text in choice.chosen
        ]
        return sorted((way for way in ways if way[2]), key=lambda way: -way[2])

    def order(self, bits: int, sort: str) -> list[int]:
        """The places of these series in the asked order; the maker's own among equals, what has no value last."""
        places = [n for n in range(len(self.cars)) if bits >> n & 1]
        if sort in ("price", "-price"):
            prices = [min((t.msrp_fen for t in car.trims), default=None) for car in self.cars]
            return _by(places, prices, descending=sort == "-price")
        if sort == "range":
            return _by(places, [car.range_km for car in self.cars], descending=True)
        if sort == "new":
            return _by(places, [_newness(car) for car in self.cars], descending=True)
        return places

    def _match(self, chosen: Mapping[str, set[str]]) -> int:
        bits = self.all
        for name, by_value in self._plain.items():
            if wanted := chosen.get(name):
                bits &= _union(by_value.get(value, 0) for value in wanted)
        prices, ranges = chosen.get("price"), chosen.get("range")
        if prices or ranges:
            bits &= _union(
                found
                for (price, reach), found in self._pairs.items()
                if (not prices or price in prices) and (not ranges or reach in ranges)
            )
        return bits


def _bits(cars: Sequence[Car], values: Callable[[Car], Iterable[str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, car in enumerate(cars):
        for value in values(car):
            found[value] = found.get(value, 0) | 1 << place
    return found


def _pairs(cars: Sequence[Car]) -> dict[tuple[str, str], int]:
    """Series by (price band, range band) of any of their trims; "" is no range."""
    found: dict[tuple[str, str], int] = {}
    for place, car in enumerate(cars):
        for trim in car.trims:
            price = next(b.value for b in PRICES if b.holds(trim.msrp_fen))
            reach = next((b.value for b in RANGES if b.holds(trim.range_km)), "")
            found[price, reach] = found.get((price, reach), 0) | 1 << place
    return found


def _union(parts: Iterable[int]) -> int:
    bits = 0
    for part in parts:
        bits |= part
    return bits


def _by(places: list[int], values: Sequence[int | None], *, descending: bool) -> list[int]:
    def rank(place: int) -> tuple[bool, int]:
        value = values[place]
        return value is None, 0 if value is None else -value if descending else value

    return sorted(places, key=rank)


def _newness(car: Car) -> int | None:
    """The day of its launch, else the newest model year, as a number that grows with time."""
    if car.on_sale_on:
        return car.on_sale_on.year * 10_000 + car.on_sale_on.month * 100 + car.on_sale_on.day
    years = [int(t.model_year[:4]) for t in car.trims if t.model_year[:4].isascii() and t.model_year[:4].isdigit()]
    return max(years) * 10_000 if years else None
