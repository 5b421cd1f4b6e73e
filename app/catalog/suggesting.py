"""适合你: cars like those this visitor opened here, each with the reason in words. Nothing else is known or used."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.catalog.queries import LineupSeries

MOST_SEEN = 4
SHOWN = 3
NEAR_PERCENT = 15
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A car and why it is named: 同为纯电 · 价格接近岫 S5."""

    car: LineupSeries
    why: str


def read_seen(text: str) -> list[str]:
    """The first four different 编号 of `a,b,c`; what cannot be one is ignored."""
    return list(dict.fromkeys(slug for slug in text.split(",") if _SLUG.fullmatch(slug)))[:MOST_SEEN]


def suggest(cars: Iterable[LineupSeries], seen: list[str]) -> list[Suggestion]:
    """Up to three cars that share something with one of those seen, the most alike first; of equals the latest seen."""
    known = {car.slug: car for car in cars}
    opened = [known[slug] for slug in seen if slug in known]
    ranked: list[tuple[int, Suggestion]] = []
    for car in known.values():
        if car.slug in seen or car.entry is None:
            continue
        score, why = max((_shared(car, other) for other in opened), key=lambda found: found[0], default=(0, ""))
        if score:
            ranked.append((score, Suggestion(car, why)))
    ranked.sort(key=lambda row: -row[0])
    return [row for _, row in ranked[:SHOWN]]


def _shared(car: LineupSeries, seen: LineupSeries) -> tuple[int, str]:
    """How many reasons there are, weighted, and the reasons."""
    found: list[tuple[int, str]] = []
    if car.body_class == seen.body_class:
        found.append((4, f"同为{car.body_class}"))
    if car.energy == seen.energy:
        found.append((2, f"同为{car.energy}"))
    if car.entry and seen.entry:
        apart = abs(car.entry.msrp_fen - seen.entry.msrp_fen)
        if apart * 100 <= seen.entry.msrp_fen * NEAR_PERCENT:
            found.append((3, f"价格接近{seen.name}"))
    return sum(weight for weight, _ in found), " · ".join(words for _, words in found[:2])
