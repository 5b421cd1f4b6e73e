"""Words and states of the catalog, as the workbook spells them."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class BodyClass(StrEnum):
    """级别"""

    MICRO = "微型车"
    SMALL = "小型车"
    COMPACT = "紧凑型车"
    MID = "中型车"
    MID_LARGE = "中大型车"
    LARGE = "大型车"
    MPV = "MPV"
    SUV_SMALL = "小型SUV"
    SUV_COMPACT = "紧凑型SUV"
    SUV_MID = "中型SUV"
    SUV_MID_LARGE = "中大型SUV"
    SPORTS = "跑车"
    PICKUP = "皮卡"


class Energy(StrEnum):
    """能源"""

    PETROL = "汽油"
    DIESEL = "柴油"
    HYBRID = "油电混合"
    PLUG_IN = "插电混动"
    RANGE_EXTENDED = "增程"
    ELECTRIC = "纯电"


class SaleStatus(StrEnum):
    """状态. WITHDRAWN is set by an import from which the row disappeared."""

    ON_SALE = "在售"
    UPCOMING = "即将上市"
    STOPPED = "停售"
    WITHDRAWN = "下架"


class PurchaseTax(StrEnum):
    """购置税"""

    EXEMPT = "全免"
    HALVED = "减半"
    FULL = "全额"


class ColourSide(StrEnum):
    """内外"""

    EXTERIOR = "外观"
    INTERIOR = "内饰"


class Fit(StrEnum):
    """How an equipment value is written: ● standard, ○ optional, - absent; anything else is a plain value."""

    STANDARD = "●"
    OPTIONAL = "○"
    ABSENT = "-"


# What a shopper asks first, by the workbook's own item names: (label on the page, candidates in order).
KEY_SPECS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("续航 CLTC", ("CLTC 纯电续航",)),
    ("油耗 WLTC", ("WLTC 综合油耗", "WLTC 馈电油耗")),
    ("0–100km/h", ("官方 0–100 km/h 加速",)),
    ("车长", ("长",)),
    ("轴距", ("轴距",)),
)


def key_specs(values: dict[str, tuple[str, str]]) -> list[tuple[str, str, str]]:
    """The first three of them that a car has, as (label, value, unit); lengths get their thousands separator."""
    found: list[tuple[str, str, str]] = []
    for label, names in KEY_SPECS:
        name = next((n for n in names if values.get(n, ("", ""))[0] not in {"", Fit.ABSENT}), None)
        if name is not None:
            value, unit = values[name]
            found.append((label, f"{int(value):,}" if value.isdigit() and len(value) > 3 else value, unit))
    return found[:3]


def range_words(values: tuple[str, ...]) -> str:
    """520–605 where trims differ in a number; the first value that a car has otherwise."""
    given = [value for value in values if value not in {"", Fit.ABSENT}]
    try:
        numbers = sorted({float(value): value for value in given}.items())
    except ValueError:
        return given[0]
    if not numbers:
        return Fit.ABSENT
    low, high = numbers[0][1], numbers[-1][1]
    return low if low == high else f"{low}–{high}"


_MONTH = re.compile(r"(20\d\d)\s*[-./年]\s*(\d{1,2})(?:\s*[-./月]\s*(\d{1,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Launch:
    """When an upcoming car goes on sale. `exact` is False where only the month is known: `on` is its first day."""

    on: date
    exact: bool

    @property
    def words(self) -> str:
        day = f" {self.on.day} 日" if self.exact else ""
        return f"{self.on.year} 年 {self.on.month} 月{day}"


def launch(on: date | None, text: str) -> Launch | None:
    """The announced day, else what the specification says (2027.01, 2027 年 1 月 15 日); None when it says no month."""
    if on is not None:
        return Launch(on, True)
    found = _MONTH.search(text)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3] or 1)
    try:
        return Launch(date(year, month, day), found[3] is not None)
    except ValueError:
        return None


def likeness(body_class: str, energy: str, other_class: str, other_energy: str) -> int:
    """How much two cars are alike: the same class counts most, then the kind of body, then what drives them."""

    def body(word: str) -> str:
        return next((kind for kind in ("SUV", "MPV", "跑车", "皮卡") if word.endswith(kind)), "轿车")

    return 4 * (body_class == other_class) + 2 * (body(body_class) == body(other_class)) + (energy == other_energy)


def fit_words(value: str) -> str:
    """An equipment value for a reader who does not see the sign: 标配, 选配 with its price, 无."""
    if value.startswith(Fit.OPTIONAL):
        price = value.removeprefix(Fit.OPTIONAL).strip()
        return f"选配 ¥{int(price):,}" if price.isdigit() else f"选配 {price}".strip()
    return {"●": "标配", "-": "无"}.get(value, value)
