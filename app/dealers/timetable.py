"""The table of opening hours: as a page shows it, and as a store fills it in. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from app.dealers.hours import DAYS, Hours, Span, parse

CLOSED: Final = "休息"
SHOWN_DAYS: Final = 60
MAX_SPECIAL: Final = 30


@dataclass(frozen=True, slots=True)
class DayRow:
    """Some days and what holds on them; `today` where today is one of them."""

    days: str
    text: str
    today: bool


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """One date or several in a row that differ from their weekday."""

    first: date
    last: date
    text: str


def week_rows(hours: Hours, today: date, *, special_today: bool = False) -> list[DayRow]:
    """周一至周五 09:00–18:00: neighbours that are alike share a row; on a `special_today` none of them is today's."""
    rows: list[DayRow] = []
    first = 0
    for day in range(1, 8):
        if day < 7 and hours.week[day] == hours.week[first]:
            continue
        here = first <= today.weekday() < day and not special_today
        rows.append(DayRow(_days(first, day - 1), spans_text(hours.week[first]), here))
        first = day
    return rows


def special_rows(hours: Hours, today: date, days: int = SHOWN_DAYS) -> list[SpecialDay]:
    """The special days from today on, neighbours that are alike in one."""
    found: list[SpecialDay] = []
    for day in sorted({day for day, _ in hours.dates if today <= day <= today + timedelta(days=days)}):
        text = spans_text(hours.on(day))
        if found and found[-1].last + timedelta(days=1) == day and found[-1].text == text:
            found[-1] = SpecialDay(found[-1].first, day, text)
        else:
            found.append(SpecialDay(day, day, text))
    return found


def spans_text(spans: Iterable[Span]) -> str:
    """09:00-20:30, several with 、, 休息 for none: what a field shows and takes back."""
    words = [_span(span) for span in spans]
    return "、".join(words) if words else CLOSED


def compose(week: Sequence[str], special: Iterable[tuple[date, date, str]]) -> str:
    """Seven fields and the special days as the workbook's notation; ValueError with a Chinese sentence."""
    texts = [_field(text, f"周{DAYS[day]}") for day, text in enumerate(week)]
    segments: list[str] = []
    first = 0
    for day in range(1, 8):
        if day < 7 and texts[day] == texts[first]:
            continue
        segments.append(f"{_days(first, day - 1).replace('至', '-')} {texts[first]}")
        first = day
    for start, end, text in special:
        if end < start:
            raise ValueError(f"特殊日期 {start:%Y-%m-%d} 的结束早于开始")
        dates = f"{start:%Y-%m-%d}" if start == end else f"{start:%Y-%m-%d}至{end:%Y-%m-%d}"
        segments.append(f"{dates} {_field(text, f'{start:%m月%d日}')}")
    said = "；".join(segments)
    parse(said)
    return said


def _field(text: str, day: str) -> str:
    """One field as the notation wants it; the house's reader judges it."""
    plain = text.strip()
    if not plain:
        raise ValueError(f"请填写{day}的营业时间，不营业就写“休息”")
    try:
        spans = parse(f"每天 {plain}").week[0]
    except ValueError:
        raise ValueError(f"{day}的“{plain[:20]}”看不懂，应写作 09:00-20:30，不营业就写“休息”") from None
    return spans_text(spans).replace("、", " ") if spans else "休"


def _days(first: int, last: int) -> str:
    if (first, last) == (0, 6):
        return "每天"
    return f"周{DAYS[first]}" if first == last else f"周{DAYS[first]}至周{DAYS[last]}"


def _span(span: Span) -> str:
    if span.start == 0 and span.until == 24 * 60:
        return "全天"
    return f"{_clock(span.start)}-{_clock(span.until)}"


def _clock(minute: int) -> str:
    return "24:00" if minute == 24 * 60 else f"{minute // 60 % 24:02d}:{minute % 60:02d}"
