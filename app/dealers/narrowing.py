"""参与门店: rooms that own an offer say which stores take part in it, so that the nearest of them can be found.

The rooms above register (booking its deals, the coupons their campaigns); dealers ask by kind and slug alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Narrowed:
    """An offer's name for the page, its address, and the ids of the stores that take part; None when all do."""

    name: str
    href: str
    ids: frozenset[int] | None


class NarrowsDealers(Protocol):
    """What a room owes: the offer of this slug and its stores, None when there is no such offer to the public."""

    def __call__(self, slug: str, now: datetime, /) -> Narrowed | None: ...


_rooms: dict[str, NarrowsDealers] = {}


def register(kind: str, narrows: NarrowsDealers) -> None:
    """Name a kind of offer; the kind is the name of the parameter in addresses (?deal=, ?coupon=)."""
    _rooms[kind] = narrows


def kinds() -> list[str]:
    """Every registered kind."""
    return sorted(_rooms)


def find(kind: str, slug: str, now: datetime) -> Narrowed | None:
    """An offer by kind and slug."""
    return _rooms[kind](slug, now) if kind in _rooms else None
