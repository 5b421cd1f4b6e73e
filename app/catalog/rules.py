"""Words and states of the catalog, as the workbook spells them."""

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
