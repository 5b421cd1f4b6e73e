"""Where a deal stands. Pure."""

from datetime import datetime
from enum import StrEnum


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


def deal_phase(
    starts_at: datetime, ends_at: datetime, units_left: int, withdrawn: bool, now: datetime, *, paused: bool = False
) -> DealPhase:
    """Where a deal stands; the window is half-open."""
    if withdrawn or now >= ends_at:
        return DealPhase.ENDED
    if now < starts_at:
        return DealPhase.UPCOMING
    if paused:
        return DealPhase.PAUSED
    return DealPhase.RUNNING if units_left > 0 else DealPhase.SOLD_OUT
