"""Words and states of a dealer, as the workbook spells them."""

from enum import StrEnum


class DealerStatus(StrEnum):
    """状态. WITHDRAWN is set by an import from which the row disappeared."""

    OPEN = "营业"
    PAUSED = "暂停"
    CLOSED = "关闭"
    WITHDRAWN = "下架"


SHOWN = (DealerStatus.OPEN, DealerStatus.PAUSED)


def distance_words(metres: float) -> str:
    """How far, as a person says it: 850m, 2.3km, 126km."""
    if metres < 1000:
        return f"{round(metres / 10) * 10}m"
    return f"{metres / 1000:.1f}km" if metres < 100_000 else f"{metres / 1000:.0f}km"


def direction_words(degrees: float) -> str:
    """The eighth of the compass: 东北."""
    return ("北", "东北", "东", "东南", "南", "西南", "西", "西北")[round(degrees / 45) % 8]


SERVICES = ("销售", "试驾", "售后", "充电")


def split_services(text: str) -> frozenset[str]:
    """The services a store offers, from the workbook's notation."""
    return frozenset(word.strip() for word in text.replace(";", "；").split("；") if word.strip())
