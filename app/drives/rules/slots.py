"""时段: which times of a day a car can be driven. Minutes from midnight in Shanghai. Pure.

A drive occupies quarter hours ("cells"); a quarter hour of a car belongs to one drive, whatever the lengths are.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final, Protocol

from app.core.clock import from_local, local

CELL: Final = 15
LENGTHS: Final = (30, 45, 60)
DEFAULT_LENGTH: Final = 45
# A store that is open all night lends no car at night.
EARLIEST, LATEST = 8 * 60, 20 * 60


class HasSpan(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def until(self) -> int: ...


def starts_on(spans: Iterable[HasSpan], length: int) -> list[int]:
    """When drives of this length may begin on a day with these opening hours: back to back, on quarter hours."""
    starts: set[int] = set()
    for span in spans:
        first = max(-(-span.start // CELL) * CELL, EARLIEST)
        last = min(span.until, LATEST) - length
        starts.update(range(first, last + 1, length))
    return sorted(starts)


def within(spans: Iterable[HasSpan], starts_at: datetime, ends_at: datetime) -> bool:
    """Whether a drive lies in one span of its day, on whatever minute it begins."""
    day = local(starts_at).replace(hour=0, minute=0, second=0, microsecond=0)
    start = int((local(starts_at) - day).total_seconds() // 60)
    until = int((local(ends_at) - day).total_seconds() // 60)
    return any(span.start <= start and until <= span.until for span in spans)


def moment(day: date, minute: int) -> datetime:
    """That minute of that day as aware UTC."""
    return from_local(datetime.combine(day, time())) + timedelta(minutes=minute)


def cells_of(starts_at: datetime, ends_at: datetime) -> list[datetime]:
    """Every quarter hour that a drive touches, in order."""
    cell = starts_at - timedelta(minutes=starts_at.minute % CELL, seconds=starts_at.second)
    cell = cell.replace(microsecond=0)
    found: list[datetime] = []
    while cell < ends_at:
        found.append(cell)
        cell += timedelta(minutes=CELL)
    return found
