"""Cells: what people type into them as exact values, and values as the cells of an export.

A reader raises ValueError with a Chinese sentence: what is wrong, what is expected.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from openpyxl.utils.datetime import from_excel

from app.core import clock, money
from app.dealers import hours
from app.workbook.layout import ALL, CAMPAIGN_STATES, CHANNELS, SERVICES, Column
from app.workbook.rules import Validity

_SLUG: Final = re.compile(r"\w[\w.\-]*")
_INVISIBLE: Final = dict.fromkeys([0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD])
_MOMENT: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[\sT]*(\d{1,2})[:时点](?:(\d{1,2})分?)?(?::?(\d{1,2})秒?)?)?"
)
_MOBILE: Final = r"1[3-9]\d{9}"
_SERVICE_NUMBER: Final = r"[48]00-?\d{3}-?\d{4}"
_LANDLINE: Final = r"\(?0\d{2,3}\)?-?[0-9]\d{6,7}(?:(?:-|转|ext\.?)\d{1,6})?"
_PHONE: Final = re.compile(f"{_MOBILE}|{_SERVICE_NUMBER}|{_LANDLINE}")
_YES: Final = frozenset({"是", "有", "y", "yes", "true", "1", "√"})
_NO: Final = frozenset({"否", "无", "n", "no", "false", "0", "×"})


def text_of(raw: Any) -> str:
    """A cell as clean text: numbers as Excel shows them, no invisible letters, no spaces around."""
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return "是" if raw else "否"
    if isinstance(raw, float):
        return format(raw, ".15g")
    if isinstance(raw, datetime):
        return raw.strftime("%Y-%m-%d %H:%M:%S") if raw.time() != time() else raw.date().isoformat()
    if isinstance(raw, date | time):
        return raw.isoformat()
    text = str(raw).translate(_INVISIBLE).replace("\r\n", "\n").replace("\r", "\n")
    if not text.isprintable():
        text = "".join(c for c in text if c == "\n" or unicodedata.category(c)[0] != "C")
    return text.strip()


def plain(raw: Any) -> str:
    """A cell for reading numbers and words: full-width letters made narrow, spaces gone."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text_of(raw)))


def limited(text: str, column: Column) -> str:
    if column.limit and len(text) > column.limit:
        raise ValueError(f"有 {len(text)} 个字，应不超过 {column.limit} 个字")
    return text


def read_text(raw: Any, column: Column) -> str:
    return limited(text_of(raw), column)


def read_slug(raw: Any, column: Column) -> str:
    slug = unicodedata.normalize("NFKC", text_of(raw))
    if not _SLUG.fullmatch(slug):
        raise ValueError(f"编号“{slug}”不合规，应只含字母、数字、- _ .，且不含空格")
    return limited(slug, column)


def split(text: str, separators: str = r"[；;，,、\n]") -> list[str]:
    return [part for part in (part.strip() for part in re.split(separators, text)) if part]


def read_slugs(raw: Any, column: Column) -> tuple[str, ...] | None:
    """None for 全部; otherwise sorted, each once."""
    text = text_of(raw)
    if plain(text) == ALL:
        return None
    return tuple(sorted({read_slug(part, column) for part in split(text)}))


def read_lines(raw: Any, column: Column) -> str:
    return limited("；".join(split(text_of(raw), r"[；;\n]")), column)


def read_services(raw: Any, column: Column) -> str:
    words = split(unicodedata.normalize("NFKC", text_of(raw)))
    for word in words:
        if word not in SERVICES:
            raise ValueError(f"“{word}”不是服务项目，应为 {'、'.join(SERVICES)}")
    return "；".join(dict.fromkeys(words))


def read_choice(raw: Any, column: Column) -> str:
    said = plain(raw).casefold().replace("-", "")
    for choice in column.choices:
        if said == choice.casefold().replace("-", ""):
            return choice
    raise ValueError(f"“{text_of(raw)}”不可用，应为 {'、'.join(column.choices)} 之一")


def read_flag(raw: Any, column: Column) -> bool:
    said = plain(raw).casefold()
    if said in _YES or said in _NO:
        return said in _YES
    raise ValueError(f"“{text_of(raw)}”看不懂，应为 是 或 否")


def read_money(raw: Any, column: Column) -> int:
    try:
        return money.parse_yuan(plain(raw))
    except ValueError:
        raise ValueError(f"“{text_of(raw)}”不是金额，应为不小于 0、最多两位小数的元，如 88800 或 8.88万") from None


def read_price(raw: Any, column: Column) -> int:
    fen = read_money(raw, column)
    if fen == 0:
        raise ValueError("金额为 0，应大于 0 元")
    return fen


def read_count(raw: Any, column: Column) -> int:
    said = re.sub(r"[台张座个份人米]$", "", plain(raw)).replace(",", "")
    try:
        number = Decimal(said.removesuffix("万")) * (10_000 if said.endswith("万") else 1)
    except InvalidOperation:
        number = Decimal(0)
    if not number.is_finite() or number != number.to_integral_value() or not 1 <= number <= column.limit:
        raise ValueError(f"“{text_of(raw)}”不是数量，应为 1 到 {column.limit} 的整数")
    return int(number)


def read_dealer_units(raw: Any, column: Column) -> tuple[tuple[str, int], ...]:
    """编号:台数；…, sorted, each dealer once."""
    units: dict[str, int] = {}
    for part in split(unicodedata.normalize("NFKC", text_of(raw)), r"[;；,，、\n]"):
        slug, sign, count = part.rpartition(":")
        if not sign:
            raise ValueError(f"“{part}”看不懂，门店台数应为 编号:台数，如 yx-hz-01:10；yx-sh-02:5")
        slug = read_slug(slug, column)
        if slug in units:
            raise ValueError(f"门店“{slug}”写了两次，每家门店应只写一次")
        units[slug] = read_count(count, column)
    return tuple(sorted(units.items()))


def read_position(raw: Any, column: Column) -> int:
    said = plain(raw)
    if not re.fullmatch(r"-?\d{1,8}", said, re.ASCII):
        raise ValueError(f"“{text_of(raw)}”不是{column.title}，应为整数")
    return int(said)


def read_degrees(raw: Any, column: Column) -> float:
    said = plain(raw).rstrip("°EN")
    if not re.fullmatch(r"-?\d{1,3}(\.\d+)?", said, re.ASCII):
        raise ValueError(f"“{text_of(raw)}”不是{column.title}，应为度数，如 116.457972")
    return float(said)


def read_hex(raw: Any, column: Column) -> str:
    said = plain(raw).upper()
    if not re.fullmatch(r"#?[0-9A-F]{6}", said):
        raise ValueError(f"“{text_of(raw)}”不是色值，应为 #RRGGBB，如 #7A1722")
    return "#" + said.removeprefix("#")


def read_phone(raw: Any, column: Column) -> str:
    said = re.sub(r"[–—−‐‑]", "-", plain(raw)).removeprefix("+86").removeprefix("-")
    if not _PHONE.fullmatch(said):
        raise ValueError(f"“{text_of(raw)}”不是电话，应为手机号、400 电话或带区号的固定电话")
    return said.replace("(", "").replace(")", "-").replace("--", "-")


def read_hours(raw: Any, column: Column) -> str:
    said = "；".join(split(text_of(raw), r"[；;\n]"))
    hours.parse(said)
    return limited(said, column)


def read_picture(raw: Any, column: Column) -> str:
    name = text_of(raw).replace("\\", "/").removeprefix("./").strip("/")
    if ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
        raise ValueError(f"“{name}”不可用，图片名应相对于图片文件夹，不含 ..")
    return limited(name, column)


def read_pictures(raw: Any, column: Column) -> tuple[str, ...]:
    return tuple(dict.fromkeys(read_picture(part, column) for part in split(text_of(raw), r"[；;\n]")))


def read_discount(raw: Any, column: Column) -> int:
    """折 as permille: 8.8 is 880; 88% is the same."""
    said = plain(raw)
    percent = said.endswith("%")
    try:
        permille = Decimal(said.removesuffix("%").removesuffix("折")) * (10 if percent else 100)
    except InvalidOperation:
        permille = Decimal(0)
    if not permille.is_finite() or permille != permille.to_integral_value() or not 0 < permille < 1000:
        raise ValueError(f"“{text_of(raw)}”不是折扣，应为 0.1 到 9.9 折，如 8.8")
    return int(permille)


def read_percent(raw: Any, column: Column) -> int:
    """Per cent with one decimal as permille: 30 and 30% are 300, 2.5 is 25."""
    try:
        permille = Decimal(plain(raw).removesuffix("%")) * 10
    except InvalidOperation:
        permille = Decimal(-1)
    if not permille.is_finite() or permille != permille.to_integral_value() or not 0 <= permille <= 1000:
        raise ValueError(f"“{text_of(raw)}”不是{column.title}，应为 0 到 100 的百分数，最多一位小数，如 30")
    return int(permille)


def read_state(raw: Any, column: Column) -> str:
    if (said := plain(raw)) not in CAMPAIGN_STATES:
        raise ValueError(f"“{text_of(raw)}”不可用，应为 {'、'.join(CAMPAIGN_STATES)} 之一")
    return CAMPAIGN_STATES[said]


def read_channels(raw: Any, column: Column) -> str:
    words = split(unicodedata.normalize("NFKC", text_of(raw)))
    for word in words:
        if word.partition(":")[0] not in CHANNELS:
            raise ValueError(f"“{word}”不是渠道，应为 {'、'.join(CHANNELS)}")
    return limited("；".join(dict.fromkeys(words)), column)


def _moment(raw: Any) -> tuple[datetime, bool]:
    """A Shanghai wall time, and whether only a day was said."""
    if isinstance(raw, int | float) and not isinstance(raw, bool) and 36_526 <= raw < 73_051:
        raw = from_excel(raw)
    if isinstance(raw, datetime):
        return (raw + timedelta(milliseconds=500)).replace(microsecond=0), False
    if isinstance(raw, date):
        return datetime.combine(raw, time()), True
    said = unicodedata.normalize("NFKC", text_of(raw))
    if re.fullmatch(r"\d{5}(\.\d+)?", said, re.ASCII):
        return _moment(float(said))
    match = _MOMENT.fullmatch(said)
    if match:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        midnight = (hour, minute, second) == (24, 0, 0)
        try:
            wall = datetime(year, month, day, 0 if midnight else hour, minute, second)
            return wall + timedelta(days=midnight), match[4] is None
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"“{text_of(raw)}”不是时间，应为 2026-11-28 20:00 这样的日期和时间")


def read_date(raw: Any, column: Column) -> date:
    wall, day_only = _moment(raw)
    if not day_only and wall.time() != time():
        raise ValueError(f"“{text_of(raw)}”不是日期，应为 2026-11-28 这样的日期")
    return wall.date()


def read_start(raw: Any, column: Column) -> datetime:
    return clock.from_local(_moment(raw)[0])


def read_end(raw: Any, column: Column) -> datetime:
    """A day alone means the whole of it."""
    wall, day_only = _moment(raw)
    return clock.from_local(wall + timedelta(days=day_only))


def read_validity(raw: Any, column: Column) -> Validity:
    said = plain(raw)
    if match := re.fullmatch(r"(?:领取)?(?:之?后)?(\d{1,4})[天日](?:内)?(?:有效)?", said):
        if int(match[1]) == 0:
            raise ValueError("有效期为 0 天，应至少 1 天")
        return Validity(days=int(match[1]))
    try:
        wall, day_only = _moment(raw)
    except ValueError:
        raise ValueError(f"“{text_of(raw)}”不是有效期，应为 2026-12-31 或 领取后30天") from None
    return Validity(until=clock.from_local(wall + timedelta(days=day_only or wall.time() == time())))


def read_fit(raw: Any, column: Column) -> str:
    """A 参数 value: ● standard, ○ optional with its price, - absent; anything else as it stands."""
    text = limited(text_of(raw), column)
    if text in {"－", "—", "–", "−", "——"}:
        return "-"
    if text[:1] in {"○", "〇", "◯"} and len(text) > 1:
        try:
            fen = money.parse_yuan(plain(text[1:]))
        except ValueError:
            return text
        return f"○ {money.yuan(fen).replace(',', '')}"
    return "●" if text in {"•", "⚫", "⬤"} else text


READERS: Final[dict[str, Callable[[Any, Column], Any]]] = {
    "text": read_text,
    "slug": read_slug,
    "slugs": read_slugs,
    "lines": read_lines,
    "services": read_services,
    "choice": read_choice,
    "flag": read_flag,
    "money": read_money,
    "price": read_price,
    "count": read_count,
    "dealer_units": read_dealer_units,
    "fit": read_fit,
    "position": read_position,
    "degrees": read_degrees,
    "hex": read_hex,
    "phone": read_phone,
    "hours": read_hours,
    "picture": read_picture,
    "pictures": read_pictures,
    "folder": read_picture,
    "discount": read_discount,
    "percent": read_percent,
    "state": read_state,
    "channels": read_channels,
    "date": read_date,
    "start": read_start,
    "end": read_end,
    "validity": read_validity,
}


def written(value: Any, column: Column) -> Any:
    """The cell of an export that reads back as this value."""
    if value is None:
        return ALL if column.kind == "slugs" else None
    if column.kind in {"money", "price"}:
        return value // 100 if value % 100 == 0 else value / 100
    if column.kind == "discount":
        return value / 100
    if column.kind == "percent":
        return value / 10
    if column.kind == "state":
        return next(word for word, state in CAMPAIGN_STATES.items() if state == value)
    if column.kind in {"slugs", "pictures"}:
        return "；".join(value)
    if column.kind == "dealer_units":
        return "；".join(f"{slug}:{count}" for slug, count in value) or None
    if column.kind == "flag":
        return "是" if value else "否"
    if isinstance(value, datetime):
        return clock.local(value).replace(tzinfo=None)
    if isinstance(value, Validity):
        return _written_validity(value)
    return value if value != "" else None


def _written_validity(valid: Validity) -> str | None:
    if valid.days is not None:
        return f"领取后{valid.days}天"
    if valid.until is None:
        return None
    wall = clock.local(valid.until)
    if wall.time() == time():
        return (wall.date() - timedelta(days=1)).isoformat()
    return wall.strftime("%Y-%m-%d %H:%M:%S")
