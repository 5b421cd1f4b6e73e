"""What a used car is worth: a range by a formula whose figures are a dated table. Pure; integers only.

value = new price x residual by age x mileage x condition x transfers x city, each a share in basis points.
A table is never edited once its time has begun: the estimate keeps its version.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

DATA = Path(__file__).parent / "data" / "used_cars.json"
ONE = 10_000
STEPS = ("brand", "series", "year", "registration", "mileage", "condition", "transfers", "phone")
SCREEN = {
    "brand": 1,
    "series": 1,
    "year": 1,
    "registration": 2,
    "mileage": 3,
    "condition": 4,
    "transfers": 5,
    "phone": 6,
}
SCREENS = 6
MOST_KM = 1_000_000
DRAFT_DAYS, PHONE_DAYS, KEPT_DAYS = 7, 30, 400


class TableWrong(ValueError):
    """A table that cannot be worked with; says where."""


@dataclass(frozen=True, slots=True)
class UsedCar:
    """One year of one series as the table has it."""

    brand: str
    own: bool
    series: str
    energy: str
    year: int
    price_fen: int


@dataclass(frozen=True, slots=True)
class Condition:
    key: str
    words: str
    says: str
    bp: int
    spread_bp: int


@dataclass(frozen=True, slots=True)
class Subsidy:
    """置换补贴: of its own, never mixed into the value of the car."""

    name: str
    own: bool
    first: date
    until: date | None
    fen: int
    says: str


@dataclass(frozen=True, slots=True)
class Table:
    """Everything an estimate rests on, from a day on."""

    version: str
    sample: bool
    first: date
    until: date | None
    source: str
    valid_days: int
    round_fen: int
    cars: tuple[UsedCar, ...]
    residual_bp: Mapping[str, tuple[int, ...]]
    km_per_year: int
    bp_per_10000_km: int
    most_up_bp: int
    most_down_bp: int
    conditions: tuple[Condition, ...]
    transfers_bp: tuple[int, ...]
    cities_bp: Mapping[str, int]
    subsidies: tuple[Subsidy, ...]

    def brands(self) -> list[str]:
        """In the order of the table."""
        return list(dict.fromkeys(car.brand for car in self.cars))

    def series_of(self, brand: str) -> list[str]:
        return list(dict.fromkeys(car.series for car in self.cars if car.brand == brand))

    def years_of(self, brand: str, series: str) -> list[int]:
        return sorted({car.year for car in self.cars if (car.brand, car.series) == (brand, series)}, reverse=True)

    def find(self, brand: str, series: str, year: int | None) -> UsedCar | None:
        wanted = (brand, series, year)
        return next((car for car in self.cars if (car.brand, car.series, car.year) == wanted), None)

    def condition(self, key: str) -> Condition | None:
        return next((one for one in self.conditions if one.key == key), None)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the answers say of one car."""

    car: UsedCar
    registered_on: date
    mileage_km: int
    condition: Condition
    transfers: int
    city: str


@dataclass(frozen=True, slots=True)
class Step:
    """One factor of the formula with what it rests on."""

    name: str
    words: str
    bp: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A range, with every factor, for so long."""

    low_fen: int
    fair_fen: int
    high_fen: int
    steps: tuple[Step, ...]
    spread_bp: int
    version: str
    valid_until: date
    subsidies: tuple[Subsidy, ...]


def estimate(facts: Facts, table: Table, on: date) -> Estimate:
    """The range on a day by this table. The sum of rounding is one rounding, at the end."""
    months = age_months(facts.registered_on, on)
    steps = (
        Step("车龄折旧", _age_words(months), residual(table.residual_bp[facts.car.energy], months)),
        Step("里程", _mileage_words(facts.mileage_km, months, table), mileage_factor(facts.mileage_km, months, table)),
        Step("车况", facts.condition.words, facts.condition.bp),
        Step(
            "过户次数", f"{facts.transfers} 次", table.transfers_bp[min(facts.transfers, len(table.transfers_bp) - 1)]
        ),
        Step("上牌城市", facts.city, table.cities_bp.get(facts.city, ONE)),
    )
    value, share = facts.car.price_fen, 1
    for step in steps:
        value, share = value * step.bp, share * ONE
    spread = facts.condition.spread_bp
    low, fair, high = (_rounded(value * (ONE + by), share * ONE, table.round_fen) for by in (-spread, 0, spread))
    day = on + timedelta(days=table.valid_days)
    return Estimate(low, fair, high, steps, spread, table.version, day, subsidies_on(table, facts.car.own, on))


def age_months(registered_on: date, on: date) -> int:
    """Whole months since the first registration; a car registered this month is new."""
    return max((on.year - registered_on.year) * 12 + on.month - registered_on.month, 0)


def residual(by_year: Iterable[int], months: int) -> int:
    """The share that is left: the table says it for each year, in between it falls evenly; older than that it stays."""
    marks = [ONE, *by_year]
    year, rest = divmod(months, 12)
    if year >= len(marks) - 1:
        return marks[-1]
    return (marks[year] * (12 - rest) + marks[year + 1] * rest + 6) // 12


def mileage_factor(km: int, months: int, table: Table) -> int:
    """Less driven than usual is worth more, more driven less, both within limits."""
    usual = table.km_per_year * months // 12
    by = (usual - km) * table.bp_per_10000_km // 10_000
    return ONE + max(-table.most_down_bp, min(table.most_up_bp, by))


def subsidies_on(table: Table, own: bool, on: date) -> tuple[Subsidy, ...]:
    """What a person who trades this car in for a new one may get on this day."""
    return tuple(
        one for one in table.subsidies if one.own == own and one.first <= on and (one.until is None or on < one.until)
    )


def _rounded(value: int, share: int, to: int) -> int:
    """To the nearest unit, a half upwards; never less than one unit."""
    return max((2 * value + share * to) // (2 * share * to), 1) * to


def _age_words(months: int) -> str:
    years, rest = divmod(months, 12)
    return f"上牌 {years} 年 {rest} 个月" if years else f"上牌 {rest} 个月"


def _mileage_words(km: int, months: int, table: Table) -> str:
    usual = table.km_per_year * months // 12
    return f"{km / 10_000:.2f} 万公里，同车龄通常 {usual / 10_000:.2f} 万公里"


# ---- the table ----


@lru_cache(maxsize=4)
def load(path: Path) -> tuple[Table, ...]:
    """Every table of a file, the oldest first. TableWrong."""
    try:
        content = cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
        tables = tuple(_table(entry) for entry in content["tables"])
    except (KeyError, TypeError, ValueError, OSError) as exc:
        raise TableWrong(f"{path.name}: {type(exc).__name__}: {exc}") from None
    if not tables:
        raise TableWrong(f"{path.name}: no table")
    return tuple(sorted(tables, key=lambda table: table.first))


def in_force(tables: Iterable[Table], on: date) -> Table | None:
    """The table of a day: of several that fit, the one that began last."""
    fitting = [table for table in tables if table.first <= on and (table.until is None or on < table.until)]
    return fitting[-1] if fitting else None


def _table(entry: Mapping[str, Any]) -> Table:
    residual_bp = {energy: tuple(int(bp) for bp in row) for energy, row in entry["residual_bp"].items()}
    cars = tuple(
        UsedCar(
            str(brand["name"]), bool(brand["own"]), str(series["name"]), str(series["energy"]), int(year["year"]),
            int(year["price_yuan"]) * 100,
        )
        for brand in entry["brands"]
        for series in brand["series"]
        for year in series["years"]
    )  # fmt: skip
    unknown = {car.energy for car in cars} - residual_bp.keys()
    if unknown:
        raise TableWrong(f"{entry['version']}: no residual for {', '.join(sorted(unknown))}")
    if any(car.price_fen <= 0 for car in cars) or any(
        not 0 < bp <= ONE or bp > before
        for row in residual_bp.values()
        for before, bp in zip((ONE, *row), row, strict=False)
    ):
        raise TableWrong(f"{entry['version']}: prices above 0, residuals falling from 10000")
    mileage = entry["mileage"]
    return Table(
        version=str(entry["version"]),
        sample=bool(entry["sample"]),
        first=date.fromisoformat(entry["from"]),
        until=date.fromisoformat(entry["until"]) if entry["until"] else None,
        source=str(entry["source"]),
        valid_days=int(entry["valid_days"]),
        round_fen=int(entry["round_yuan"]) * 100,
        cars=cars,
        residual_bp=residual_bp,
        km_per_year=int(mileage["km_per_year"]),
        bp_per_10000_km=int(mileage["bp_per_10000_km"]),
        most_up_bp=int(mileage["most_up_bp"]),
        most_down_bp=int(mileage["most_down_bp"]),
        conditions=tuple(Condition(**one) for one in entry["conditions"]),
        transfers_bp=tuple(int(bp) for bp in entry["transfers_bp"]),
        cities_bp={city: int(bp) for city, bp in entry["cities_bp"].items()},
        subsidies=tuple(
            Subsidy(
                one["name"], bool(one["own"]), date.fromisoformat(one["from"]),
                date.fromisoformat(one["until"]) if one["until"] else None, int(one["yuan"]) * 100, one["says"],
            )
            for one in entry["subsidies"]
        ),
    )  # fmt: skip


# ---- what is typed ----


def month_of(text: str) -> date | None:
    """The first day of 2021-06, 2021/6 or 2021年6月."""
    plain = (
        unicodedata.normalize("NFKC", text).strip().rstrip("月").replace("年", "-").replace("/", "-").replace(".", "-")
    )
    parts = plain.split("-")
    if len(parts) not in (2, 3) or not all(p.isascii() and p.isdecimal() and len(p) <= 4 for p in parts):
        return None
    try:
        return date(int(parts[0]), int(parts[1]), 1)
    except ValueError:
        return None


def km_of(text: str) -> int | None:
    """Kilometres of what was typed in 万公里: 5.2 is 52,000. Exact, no float."""
    plain = unicodedata.normalize("NFKC", text).strip().removesuffix("公里").removesuffix("万").strip()
    whole, dot, part = plain.partition(".")
    if not whole or not (whole + part).isascii() or not (whole + part).isdecimal() or (dot and not part):
        return None
    if len(whole) > 3 or len(part) > 4:
        return None
    return int(whole) * ONE + int((part + "0000")[:4])


def next_step(step: str) -> str:
    """The question after this one; empty after the last."""
    at = STEPS.index(step) + 1
    return STEPS[at] if at < len(STEPS) else ""


def previous_step(step: str) -> str:
    """The question before; empty before the first."""
    at = STEPS.index(step)
    return STEPS[at - 1] if at else ""
