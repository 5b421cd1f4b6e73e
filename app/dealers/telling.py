"""What a store's card says beyond its facts: rooms above know how people liked it and what stands in it.

They register; a list asks once for all its stores. Pages below that show a store need to know none of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from app.dealers.queries import NearDealer


class TellsOfDealers(Protocol):
    """What a room owes: a few words for each of these stores; one it knows nothing of is absent. One statement."""

    def __call__(self, dealer_ids: Sequence[int], now: datetime, /) -> Mapping[int, str]: ...


_rooms: dict[str, TellsOfDealers] = {}


def register(topic: str, tells: TellsOfDealers) -> None:
    """Name what is told; cards say it in the order of the topics' names."""
    _rooms[topic] = tells


def tell(rows: Sequence[NearDealer], now: datetime) -> list[NearDealer]:
    """The same stores with what the rooms say of them."""
    if not rows:
        return []
    ids = [row.dealer.id for row in rows]
    known = [_rooms[topic](ids, now) for topic in sorted(_rooms)]
    return [replace(row, told=tuple(words[row.dealer.id] for words in known if row.dealer.id in words)) for row in rows]
