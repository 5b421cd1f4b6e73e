"""对比: which trims an address compares, which rows differ, and where one value is better for the buyer.

A better value is said as a comparison among the chosen cars (更长, 更省), never as a superlative about a brand.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.catalog.rules import Fit

MOST = 4
ABSENT = "–"
_SLUG = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")

# Which way is better, by the workbook's item names: (part of the name, higher is better, word). The first that fits
# decides. What is a matter of taste (lengths, weight, displacement) has no direction.
BETTER: tuple[tuple[str, bool, str], ...] = (
    ("纯电续航", True, "更长"),
    ("综合续航", True, "更长"),
    ("0–100", False, "更快"),
    ("0-100", False, "更快"),
    ("百公里耗电量", False, "更省"),
    ("油耗", False, "更省"),
    ("快充时间", False, "更快"),
    ("慢充时间", False, "更快"),
    ("快充功率", True, "更大"),
    ("电池能量", True, "更大"),
    ("最大功率", True, "更大"),
    ("总功率", True, "更大"),
    ("最大扭矩", True, "更大"),
    ("总扭矩", True, "更大"),
    ("最高车速", True, "更高"),
    ("轴距", True, "更长"),
    ("行李厢容积", True, "更大"),
    ("油箱容积", True, "更大"),
    ("最小转弯半径", False, "更小"),
    ("风阻系数", False, "更小"),
    ("扬声器数量", True, "更多"),
    ("中控屏尺寸", True, "更大"),
)
PRICE_WORD = "更低"


@dataclass(frozen=True, slots=True)
class Pick:
    """What an address asks to compare: 编号 in order without doubles, only differences or all, the place to change."""

    slugs: tuple[str, ...]
    differences: bool = False
    at: int = 0

    def address(self, slugs: Iterable[str] | None = None, *, differences: bool | None = None, at: int = 0) -> str:
        """The comparison of these trims; commas stay readable in a chat."""
        listed = ",".join(self.slugs if slugs is None else slugs)
        parts = ([f"trims={listed}"] if listed else []) + (
            ["diff=1"] if (self.differences if differences is None else differences) else []
        )
        return "/compare" + ("?" + "&".join(parts) if parts else "") + (f"{'&' if parts else '?'}at={at}" if at else "")

    def without(self, slug: str) -> str:
        return self.address(s for s in self.slugs if s != slug)

    def with_trim(self, slug: str) -> str:
        """With this trim in the place that is being changed, else at the end."""
        slugs = list(self.slugs)
        if 0 < self.at <= len(slugs):
            slugs[self.at - 1] = slug
        else:
            slugs.append(slug)
        return self.address(slugs)


def read_pick(trims: Sequence[str], diff: str, at: str) -> Pick:
    """`trims` as given, comma-separated or repeated; what cannot be a 编号 is left out, twenty are looked at."""
    given = [slug.strip() for value in trims for slug in value.split(",")]
    slugs = tuple(dict.fromkeys(slug for slug in given if _SLUG.fullmatch(slug)))[:20]
    return Pick(slugs, diff == "1", int(at) if at in {"1", "2", "3", "4"} else 0)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: an item with its unit, the value of each car, the word where a value is better."""

    name: str
    unit: str
    values: tuple[str, ...]
    better: tuple[str, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    rows: list[Row]


Sheet = Sequence[tuple[str, str, str, str]]


def table(sheets: Sequence[Sheet], *, differences: bool = False) -> list[Group]:
    """The sheets (group, item, value, unit) of some cars side by side, in the order in which items first appear."""
    order: dict[str, dict[str, str]] = {}
    values: list[dict[tuple[str, str], str]] = []
    for sheet in sheets:
        mine: dict[tuple[str, str], str] = {}
        for group, name, value, unit in sheet:
            order.setdefault(group, {}).setdefault(name, unit)
            mine[group, name] = value
        values.append(mine)
    groups: list[Group] = []
    for group, items in order.items():
        rows = [_row(name, unit, [mine.get((group, name), "") for mine in values]) for name, unit in items.items()]
        if kept := [row for row in rows if row.differs or not differences]:
            groups.append(Group(group, kept))
    return groups


def better(name: str, values: Sequence[str]) -> tuple[str, ...]:
    """The word at every value that is better than another one; empty where there is nothing to compare."""
    rule = next(((higher, word) for part, higher, word in BETTER if part in name), None)
    none = ("",) * len(values)
    if rule is None:
        return none
    higher, word = rule
    return _mark([_number(value) for value in values], higher, word)


def cheaper(prices: Sequence[int]) -> tuple[str, ...]:
    """The same for guide prices."""
    return _mark([float(price) for price in prices], False, PRICE_WORD)


def _mark(numbers: Sequence[float | None], higher: bool, word: str) -> tuple[str, ...]:
    known = [n for n in numbers if n is not None]
    if len(known) < 2 or min(known) == max(known):
        return ("",) * len(numbers)
    best = max(known) if higher else min(known)
    return tuple(word if n == best else "" for n in numbers)


def _row(name: str, unit: str, values: list[str]) -> Row:
    shown = tuple(value if value not in {"", Fit.ABSENT} else ABSENT for value in values)
    return Row(name, unit, shown, better(name, values), len(set(shown)) > 1)


def _number(value: str) -> float | None:
    """The figure of a value; of a span (482-1468) the first, with everyday seats. Equipment signs have none."""
    found = _NUMBER.match(value.strip())
    return float(found[0]) if found else None
