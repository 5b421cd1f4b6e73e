"""Where a deal stands. Pure."""

from collections.abc import Collection
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


# What the separate consent of somebody who waits says.
QUEUE_SHARING_TEXT = "同意将我的姓名和手机号提供给所选门店，仅用于在我候补期间联系我。"


def free_slot(taken: Collection[int], per_person: int) -> int | None:
    """The first free place of a person within the limit, or None when it is used up.

    A place beyond the limit (two accounts became one, or the limit was lowered) counts like any other.
    """
    if len(taken) >= per_person:
        return None
    return next((slot for slot in range(1, per_person + 1) if slot not in taken), None)


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
