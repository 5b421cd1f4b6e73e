"""Which version of a page is shown at a moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """状态 of one version."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    COVERED = "covered"
    OVER = "over"
    TAKEN_DOWN = "taken_down"


PHASE_WORDS: Final = {
    Phase.SCHEDULED: "等待上线",
    Phase.LIVE: "正在展示",
    Phase.COVERED: "被更新的版本替代",
    Phase.OVER: "已结束",
    Phase.TAKEN_DOWN: "已下线",
}


@dataclass(frozen=True, slots=True)
class Window:
    """When a version may be shown: half-open [from_at, until_at)."""

    no: int
    from_at: datetime
    until_at: datetime | None
    taken_down: bool = False

    def holds(self, now: datetime) -> bool:
        return not self.taken_down and self.from_at <= now and (self.until_at is None or now < self.until_at)


def choose_live(windows: Iterable[Window], now: datetime) -> int | None:
    """The number of the version to show: of those whose window holds now, the one that began last."""
    open_now = [w for w in windows if w.holds(now)]
    return max(open_now, key=lambda w: (w.from_at, w.no)).no if open_now else None


def next_change(windows: Iterable[Window], now: datetime) -> datetime | None:
    """The next moment at which another version may have to be shown."""
    moments = [
        moment for w in windows if not w.taken_down for moment in (w.from_at, w.until_at) if moment and moment > now
    ]
    return min(moments, default=None)


def phase(window: Window, live: int | None, now: datetime) -> Phase:
    """What editors are told about a version."""
    if window.taken_down:
        return Phase.TAKEN_DOWN
    if window.from_at > now:
        return Phase.SCHEDULED
    if not window.holds(now):
        return Phase.OVER
    return Phase.LIVE if window.no == live else Phase.COVERED
