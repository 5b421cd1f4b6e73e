"""营业时间: the workbook's notation of opening hours, and whether a shop is open now. Pure.

    周一-周五 09:00-18:00；周六-周日 10:00-17:00；2026-10-01 休；2026-10-02 10:00-16:00

A segment names days (周一-周五, 周六、周日, 每天) or dates, then spans or 休. A date beats its weekday; a later segment
beats an earlier one. A span that ends before it starts runs past midnight.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

DAYS: Final = "一二三四五六日"
UNKNOWN_TEXT: Final = "营业时间请致电门店"
_DAY_MINUTES: Final = 24 * 60
_DATE: Final = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
_DATED: Final = re.compile(rf"({_DATE})(?:\s*(?:至|到|~|-)\s*({_DATE}))?\s*(.*)", re.DOTALL)
_WEEKLY: Final = re.compile(
    r"((?:周|星期|礼拜)?[一二三四五六日天](?:[周星期礼拜一二三四五六日天至到~、,\s-])*|每[天日]|全周)\s*(.*)"
)
_SPAN: Final = re.compile(r"(\d{1,2}):(\d{2})\s*(?:-|至|到|~)\s*(\d{1,2}):(\d{2})")
_DASHES: Final = str.maketrans(dict.fromkeys("–—−－‐‑", "-") | {"～": "~"})


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes from midnight; `until` passes 1440 when the span runs into the next day."""

    start: int
    until: int


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans per weekday (Monday first) and for single dates; empty spans mean closed."""

    week: tuple[tuple[Span, ...], ...] = ((),) * 7
    dates: tuple[tuple[date, tuple[Span, ...]], ...] = ()
    known: bool = False

    def on(self, day: date) -> tuple[Span, ...]:
        """The spans that begin on a day; the last word about a date wins."""
        for when, spans in reversed(self.dates):
            if when == day:
                return spans
        return self.week[day.weekday()]


@dataclass(frozen=True, slots=True)
class OpenState:
    open: bool
    text: str


@lru_cache(maxsize=4096)
def parse(text: str) -> Hours:
    """Read the notation; ValueError with a Chinese sentence. No text: hours are not known."""
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES).strip()
    if not plain:
        return Hours()
    week: list[tuple[Span, ...]] = [()] * 7
    dates: list[tuple[date, tuple[Span, ...]]] = []
    for segment in (part.strip() for part in re.split(r"[;\n]", plain)):
        if not segment:
            continue
        if match := _DATED.fullmatch(segment):
            spans = _spans(match[3], segment)
            dates.extend((day, spans) for day in _dates(match[1], match[2] or match[1], segment))
        elif match := _WEEKLY.fullmatch(segment):
            spans = _spans(match[2], segment)
            for index in _weekdays(match[1], segment):
                week[index] = spans
        else:
            raise ValueError(f"“{segment}”看不懂，应写作“周一-周日 09:00-20:30”或“2026-10-01 休”")
    return Hours(tuple(week), tuple(dates), known=True)


def open_state(hours: Hours, now_local: datetime) -> OpenState:
    """Say whether a shop is open at a Shanghai wall time, and until or from when."""
    if not hours.known:
        return OpenState(False, UNKNOWN_TEXT)
    today = now_local.date()
    minute = now_local.hour * 60 + now_local.minute
    if closing := _closing(hours, today, minute):
        return OpenState(True, closing)
    for ahead in range(15):
        day = today + timedelta(days=ahead)
        starts = [span.start for span in hours.on(day) if ahead or span.start > minute]
        if starts:
            return OpenState(False, f"{_day_name(day, ahead)} {_clock(min(starts))} 开门")
    return OpenState(False, "休息中")


def move_dates(text: str, days: int) -> str:
    """The same notation with every date moved by whole days."""

    def moved(match: re.Match[str]) -> str:
        return (_date(match[0]) + timedelta(days=days)).isoformat()

    return re.sub(_DATE, moved, text)


def _closing(hours: Hours, today: date, minute: int) -> str:
    """Until when the shop is open at this minute; empty when it is closed."""
    yesterday = [(s.start - _DAY_MINUTES, s.until - _DAY_MINUTES) for s in hours.on(today - timedelta(days=1))]
    present = [(s.start, s.until) for s in hours.on(today)]
    until = max((end for start, end in yesterday + present if start <= minute < end), default=None)
    if until is None:
        return ""
    if (0, _DAY_MINUTES) in present:
        return "24 小时营业"
    return f"营业中至{'次日' if until > _DAY_MINUTES else ''} {_clock(until)}"


def _day_name(day: date, ahead: int) -> str:
    if ahead < 2:
        return ("今日", "明日")[ahead]
    return f"周{DAYS[day.weekday()]}" if ahead < 7 else f"{day.month}月{day.day}日"


def _clock(minute: int) -> str:
    if minute == _DAY_MINUTES:
        return "24:00"
    return time(minute // 60 % 24, minute % 60).strftime("%H:%M")


def _spans(text: str, segment: str) -> tuple[Span, ...]:
    plain = text.strip()
    if re.fullmatch(r"休息?|不营业|闭店", plain):
        return ()
    if re.fullmatch(r"(24小时|全天)(营业)?", plain.replace(" ", "")):
        return (Span(0, _DAY_MINUTES),)
    spans: list[Span] = []
    for part in re.split(r"[、,\s]+(?=\d)", plain):
        match = _SPAN.fullmatch(part.strip())
        if not match:
            raise ValueError(f"“{segment}”里的时间看不懂，应写作 09:00-20:30 或 休")
        start, until = _minute(match[1], match[2], segment), _minute(match[3], match[4], segment)
        spans.append(Span(start, until if until > start else until + _DAY_MINUTES))
    return tuple(spans)


def _minute(hour: str, minute: str, segment: str) -> int:
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > _DAY_MINUTES:
        raise ValueError(f"“{segment}”里的 {hour}:{minute} 不是钟点，应在 00:00 到 24:00 之间")
    return total


def _weekdays(text: str, segment: str) -> list[int]:
    if text[0] in "每全":
        return list(range(7))
    plain = re.sub(r"周|星期|礼拜|\s", "", text).replace("天", "日")
    found: list[int] = []
    for part in re.split(r"[、,]", plain):
        ends = [DAYS.find(day) for day in re.split(r"[-~至到]", part)]
        if not part or len(ends) > 2 or any(len(day) != 1 for day in re.split(r"[-~至到]", part)):
            raise ValueError(f"“{segment}”里的星期看不懂，应写作 周一-周五 或 周六、周日")
        first, last = ends[0], ends[-1]
        found.extend(index % 7 for index in range(first, last + 1 if last >= first else last + 8))
    return found


def _date(text: str) -> date:
    year, month, day = (int(part) for part in re.split(r"[-/.]", text))
    return date(year, month, day)


def _dates(first: str, last: str, segment: str) -> list[date]:
    try:
        start, end = _date(first), _date(last)
    except ValueError:
        raise ValueError(f"“{segment}”里没有这一天，应写作 2026-10-01 休") from None
    if not 0 <= (end - start).days <= 366:
        raise ValueError(f"“{segment}”的日期先后颠倒或超过一年")
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]
