"""个人信息: each room that keeps something about a person registers how to hand it out, erase it and reassign it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Export = Callable[[int], object]
Erase = Callable[[int, datetime], None]
Reassign = Callable[[int, int], None]
Blocks = Callable[[int], list[str]]


class HoldsPersonalData(Protocol):
    """What a room owes a person. All three take member ids; `erase` and `reassign` join the caller's transaction."""

    @property
    def export(self) -> Export:
        """Plain JSON values of everything kept about the member."""
        ...

    @property
    def erase(self) -> Erase:
        """Remove or anonymise what no law obliges us to keep."""
        ...

    @property
    def reassign(self) -> Reassign:
        """Give everything of the first member to the second (two accounts of one person become one).

        Whatever rows and columns it changes are found and can be given back (services.merging). A DomainError refuses.
        """
        ...

    @property
    def hold(self) -> Reassign:
        """Lock what `reassign` will read and change, before anybody reads it for the merge."""
        ...

    @property
    def blocks(self) -> Blocks:
        """What still runs and must end before the person can be forgotten, a sentence each."""
        ...

    @property
    def keeps(self) -> str:
        """What stays after `erase`, why and until when, in words for the person; empty if nothing does."""
        ...


@dataclass(frozen=True, slots=True)
class Holder:
    export: Export
    erase: Erase
    reassign: Reassign
    blocks: Blocks
    keeps: str
    hold: Reassign


def _nothing_to_hold(_from_id: int, _to_id: int) -> None:
    """The members' own lock is enough."""


def _nothing_runs(_member_id: int) -> list[str]:
    return []


_holders: dict[str, HoldsPersonalData] = {}


def register(
    room: str,
    *,
    export: Export,
    erase: Erase,
    reassign: Reassign,
    blocks: Blocks = _nothing_runs,
    keeps: str = "",
    hold: Reassign = _nothing_to_hold,
) -> None:
    """Name what a room does with a person's data; the room's name is the key in the export."""
    _holders[room] = Holder(export, erase, reassign, blocks, keeps, hold)


def holders() -> Mapping[str, HoldsPersonalData]:
    """Every registered room."""
    return dict(_holders)


def export_all(member_id: int) -> dict[str, object]:
    """The person's own copy: one entry for each room."""
    return {room: holder.export(member_id) for room, holder in sorted(_holders.items())}


def blocks(member_id: int) -> list[str]:
    """Everything that must end before this person can be forgotten."""
    return [sentence for _, holder in sorted(_holders.items()) for sentence in holder.blocks(member_id)]


def keeps() -> list[str]:
    """What stays of a person who was forgotten, in words."""
    return [holder.keeps for _, holder in sorted(_holders.items()) if holder.keeps]
