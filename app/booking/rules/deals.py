"""Where a deal stands. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class DealPhase(StrEnum):
    UPCOMING = "upcoming"
    RUNNING = "running"
    SOLD_OUT = "sold_out"
    PAUSED = "paused"
    ENDED = "ended"


PHASE_WORDS = {
    DealPhase.UPCOMING: "即将开始",
    DealPhase.RUNNING: "进行中",
    DealPhase.SOLD_OUT: "已订完",
    DealPhase.PAUSED: "暂停预订",
    DealPhase.ENDED: "已结束",
}


def free_units(units_left: int, waiting: int) -> int:
    """What anybody may take: while somebody waits in the queue, what is left is owed to them."""
    return 0 if waiting > 0 else units_left


def deal_phase(
    starts_at: datetime,
    ends_at: datetime,
    units_left: int,
    withdrawn: bool,
    now: datetime,
    *,
    paused: bool = False,
    waiting: int = 0,
) -> DealPhase:
    """Where a deal stands; the window is half-open."""
    if withdrawn or now >= ends_at:
        return DealPhase.ENDED
    if now < starts_at:
        return DealPhase.UPCOMING
    if paused:
        return DealPhase.PAUSED
    return DealPhase.RUNNING if free_units(units_left, waiting) > 0 else DealPhase.SOLD_OUT


class HasPhase(Protocol):
    """What of a deal its phase follows from: the row, or the columns a query read."""

    @property
    def starts_at(self) -> Any: ...
    @property
    def ends_at(self) -> Any: ...
    @property
    def units_left(self) -> Any: ...
    @property
    def withdrawn(self) -> Any: ...
    @property
    def paused_at(self) -> Any: ...
    @property
    def waiting(self) -> Any: ...


def phase_of(deal: HasPhase, now: datetime) -> DealPhase:
    """The same of a row."""
    return deal_phase(
        deal.starts_at,
        deal.ends_at,
        deal.units_left,
        deal.withdrawn,
        now,
        paused=deal.paused_at is not None,
        waiting=deal.waiting,
    )
