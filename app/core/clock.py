"""Time: UTC for machines, Asia/Shanghai for people. The only module that asks the system for it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The present as aware UTC. Services ask once at the top and pass it down."""
    return datetime.now(UTC)


def today() -> date:
    """The calendar day in Asia/Shanghai."""
    return now().astimezone(SHANGHAI).date()


def local(moment: datetime) -> datetime:
    """The same moment on a wall clock in Shanghai."""
    return moment.astimezone(SHANGHAI)


def from_local(wall: datetime) -> datetime:
    """A naive Shanghai wall time as aware UTC."""
    return wall.replace(tzinfo=SHANGHAI).astimezone(UTC)


def in_reach(day: date) -> bool:
    """Whether anybody could mean this day: the ends of the calendar leave no room for a day's end or another zone."""
    return 2000 <= day.year < 2200


def read_day(text: str) -> date:
    """A day as a browser's field or an address writes it, 2026-11-22. ValueError, also beyond `in_reach`."""
    day = date.fromisoformat(text)
    if not in_reach(day):
        raise ValueError(f"out of reach: {text}")
    return day


def read_wall(text: str) -> datetime:
    """A moment as a browser's field writes it, 2026-11-22T10:00 on Shanghai's clock, as aware UTC. ValueError."""
    wall = datetime.fromisoformat(text).replace(tzinfo=None)
    if not in_reach(wall.date()):
        raise ValueError(f"out of reach: {text}")
    return from_local(wall)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970, for countdowns."""
    return int(moment.timestamp() * 1000)


def say(moment: datetime) -> str:
    """A moment as a person says it in Shanghai: 11月22日14:05."""
    wall = local(moment)
    return f"{wall.month}月{wall.day}日{wall:%H:%M}"
