"""What a store may publish: each problem names the rule that it breaks. Asked when a store hands something in, and once
more when headquarters approve it. Pure.

Sources: 《明码标价和禁止价格欺诈规定》, 《汽车销售管理办法》, 广告法, WeChat's rules for shared pages. An engineer's
reading, to be confirmed by counsel before a launch.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.catalog.pricing import LAW, Basis, PricePeriod, strike_through_problem
from app.core import wording
from app.core.clock import say
from app.core.money import format_yuan

LONGEST_PROMO: Final = timedelta(days=92)
LONGEST_ACTIVITY: Final = timedelta(days=184)
AHEAD: Final = timedelta(days=184)
MAX_CONDITIONS: Final = 200
MAX_REASON: Final = 60
MAX_TITLE: Final = 40
MAX_TEXT: Final = 600
MAX_INTRO: Final = 300
_FORMER_PRICE: Final = re.compile(r"原价|市场价|专柜价|门市价|建议零售价")
_PAID_WORDS: Final = re.compile(r"https?://|www\.|微信号|加微信|vx[:：]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Breach:
    """`rule` is broken, `text` says by what and what to do."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}：{self.text}。"


@dataclass(frozen=True, slots=True)
class Window:
    """[starts_at, ends_at) of a price or an activity."""

    starts_at: datetime
    ends_at: datetime

    def meets(self, other: "Window") -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Promo:
    """A store's price of one car, as it would be published."""

    fen: int
    window: Window
    conditions: str
    reason: str


def promo_breaches(
    promo: Promo, guide_fen: int, history: Sequence[PricePeriod], others: Iterable[Window], now: datetime
) -> list[Breach]:
    """Everything that stands against a store's price; empty: it may be published.

    `history` is the car's price ledger, `others` are the windows of this store's other prices of the same car.
    """
    return [
        *_amount(promo.fen, guide_fen),
        *_struck(promo, guide_fen, history),
        *_window(promo.window, now, LONGEST_PROMO),
        *_overlap(promo.window, others),
        *_conditions(promo),
        *word_breaches(f"{promo.conditions}\n{promo.reason}"),
    ]


def activity_breaches(title: str, text: str, window: Window, now: datetime) -> list[Breach]:
    """The same of an activity."""
    return [*_window(window, now, LONGEST_ACTIVITY), *word_breaches(f"{title}\n{text}")]


def word_breaches(text: str) -> list[Breach]:
    """What no text of a store may say."""
    found = [Breach(rule, words) for rule, words in wording.problems(text)]
    if former := _FORMER_PRICE.search(text):
        words = f"“{former[0]}”不能使用，比较的价格只能是厂商指导价，由页面自动标出"
        found.append(Breach(f"{LAW}第十六条", words))
    if lead := _PAID_WORDS.search(text):
        found.append(Breach("微信外链规范：站外引流", f"“{lead[0]}”不能使用，请删除网址和微信号"))
    return found


def _amount(fen: int, guide_fen: int) -> list[Breach]:
    price, guide = format_yuan(fen), format_yuan(guide_fen)
    if fen > guide_fen:
        return [Breach("《汽车销售管理办法》第十条", f"本店价 {price} 高于厂商指导价 {guide}，不能加价销售")]
    if fen == guide_fen:
        return [Breach(f"{LAW}第十九条", f"本店价 {price} 与厂商指导价相同，没有优惠，不能作为促销价")]
    if fen * 2 < guide_fen:
        return [Breach("防止填错", f"本店价 {price} 不到厂商指导价 {guide} 的一半，请核对是否少写了一位")]
    return []


def _struck(promo: Promo, guide_fen: int, history: Sequence[PricePeriod]) -> list[Breach]:
    """The page strikes the 厂商指导价 through: it must be honest for seven days before."""
    start = promo.window.starts_at
    problem = strike_through_problem(guide_fen, Basis.GUIDE, start, history, guide_fen)
    return [Breach("7 天价格规则", problem)] if problem else []


def _window(window: Window, now: datetime, longest: timedelta) -> list[Breach]:
    rule = "规范促销：时间要事先公示"
    if window.ends_at <= window.starts_at:
        return [Breach(rule, "结束时间要晚于开始时间")]
    if window.ends_at <= now:
        return [Breach(rule, f"结束时间 {say(window.ends_at)} 已经过去")]
    if window.ends_at - window.starts_at > longest:
        return [Breach(rule, f"最长 {longest.days} 天，请缩短时间，到期可以再提交")]
    if window.starts_at > now + AHEAD:
        return [Breach(rule, "开始时间最多提前半年")]
    return []


def _overlap(window: Window, others: Iterable[Window]) -> list[Breach]:
    meeting = next((other for other in others if window.meets(other)), None)
    if meeting is None:
        return []
    when = f"{say(meeting.starts_at)}–{say(meeting.ends_at)}"
    words = f"这款车 {when} 已经有一个本店价，同一时间只能有一个；请修改那一个，或换个时间"
    return [Breach(f"{LAW}第六条：价格要明确", words)]


def _conditions(promo: Promo) -> list[Breach]:
    rule = f"{LAW}第十九条：条件要写明"
    found: list[Breach] = []
    if not promo.conditions.strip():
        found.append(Breach(rule, "请写明享受这个价格的条件，例如限现车、须本店上险；没有条件就写“无附加条件”"))
    if not promo.reason.strip():
        found.append(Breach("规范促销：原因要如实", "请写明优惠原因，例如 展车、年末让利、新车上市"))
    return found
