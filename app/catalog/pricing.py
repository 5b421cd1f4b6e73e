"""Price honesty: what was in force when, and which price may be struck through beside another. Pure.

The rules are those of 《明码标价和禁止价格欺诈规定》. Our struck-through price is the 厂商指导价 beside a one-price:
labelled so, the present one, and not raised within the seven days before the offer starts (Art. 16, 17). A price that
is struck through without saying what it is may not be above the lowest price at which the car was offered within the
seven days before; where there was none, above the last one (Art. 16).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from app.core import clock
from app.core.money import format_yuan

LOOK_BACK: Final = timedelta(days=7)
LAW: Final = "《明码标价和禁止价格欺诈规定》"


class PriceKind(StrEnum):
    """价格种类: guide 厂商指导价, deal 一口价, promo 门店促销价."""

    GUIDE = "guide"
    DEAL = "deal"
    PROMO = "promo"


class Basis(StrEnum):
    """What a struck-through price says it is."""

    GUIDE = "厂商指导价"
    UNSAID = ""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One row of the ledger: a price with the window it announces, and since when the row speaks."""

    kind: str
    deal_slug: str
    fen: int
    starts_at: datetime
    ends_at: datetime | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class PricePeriod:
    """A price that was, is or will be in force: [since, until), until None for no known end."""

    kind: str
    deal_slug: str
    fen: int
    since: datetime
    until: datetime | None

    def meets(self, start: datetime, end: datetime) -> bool:
        return self.since < end and (self.until is None or self.until > start)


def periods(rows: Iterable[PriceRow]) -> list[PricePeriod]:
    """What was in force when, earliest first, from one car's rows in the order of their writing.

    The first row of an offer is believed about its past (a shop moves in with offers that run); a later one counts from
    when it was written and ends what the one before it said.
    """
    series: dict[tuple[str, str], list[PriceRow]] = defaultdict(list)
    for row in rows:
        series[row.kind, row.deal_slug].append(row)
    found: list[PricePeriod] = []
    for written in series.values():
        for index, row in enumerate(written):
            since = max(row.starts_at, row.recorded_at) if index else row.starts_at
            ends = [row.ends_at] if row.ends_at else []
            ends += [written[index + 1].recorded_at] if index + 1 < len(written) else []
            until = min(ends, default=None)
            if until is None or since < until:
                found.append(PricePeriod(row.kind, row.deal_slug, row.fen, since, until))
    return sorted(found, key=lambda period: (period.since, period.kind, period.deal_slug))


def lowest_offer(history: Sequence[PricePeriod], at: datetime) -> int | None:
    """The lowest one-price or promotion of the seven days before; none then, the last one; None if there never was."""
    offers = [p for p in history if p.kind != PriceKind.GUIDE and p.since < at]
    recent = [p.fen for p in offers if p.meets(at - LOOK_BACK, at)]
    if recent:
        return min(recent)
    last = max(offers, key=lambda p: p.until or at, default=None)
    return last.fen if last else None


def guide_floor(history: Sequence[PricePeriod], at: datetime) -> int | None:
    """The lowest guide price of the seven days before; None when the car had none yet."""
    guides = [p.fen for p in history if p.kind == PriceKind.GUIDE and p.meets(at - LOOK_BACK, at)]
    return min(guides, default=None)


def strike_through_problem(
    compared_fen: int, basis: Basis, at: datetime, history: Sequence[PricePeriod], guide_fen: int
) -> str | None:
    """Why a price may not be struck through beside an offer that starts `at`, as half a sentence; None when it may.

    `guide_fen` is the 厂商指导价 in force when it is shown.
    """
    compared = format_yuan(compared_fen)
    if basis is Basis.UNSAID:
        lowest = lowest_offer(history, at)
        if lowest is None:
            return f"划线价 {compared} 没有依据：这款车还没有成交过的价格可以比较（{LAW}第十六条）"
        if compared_fen > lowest:
            return f"划线价 {compared} 高于此前 7 天的最低价 {format_yuan(lowest)}（{LAW}第十六条）"
        return None
    if compared_fen != guide_fen:
        return f"划线价 {compared} 不是现在的厂商指导价 {format_yuan(guide_fen)}（{LAW}第十六条）"
    floor = guide_floor(history, at)
    if floor is not None and compared_fen > floor:
        return (
            f"厂商指导价在活动开始前 7 天内由 {format_yuan(floor)} 上调到 {compared}，"
            f"先提价再打折不能发布（{LAW}第十七条），应等上调满 7 天后再开始"
        )
    return None


def open_offers(rows: Iterable[PriceRow], now: datetime) -> list[PriceRow]:
    """The offers of a car that run or are still to come, as last written."""
    last = {(row.kind, row.deal_slug): row for row in rows if row.kind != PriceKind.GUIDE}
    return [row for row in last.values() if row.ends_at is None or row.ends_at > now]


def guide_change_problem(rows: Sequence[PriceRow], new_fen: int, now: datetime) -> str | None:
    """Why a guide price may not become this now, as half a sentence: an offer above it, or one about to start."""
    history = periods([*rows, PriceRow(PriceKind.GUIDE, "", new_fen, now, None, now)])
    for offer in open_offers(rows, now):
        if offer.fen > new_fen:
            price, name = format_yuan(offer.fen), _called(offer)
            return f"指导价 {format_yuan(new_fen)} 低于{name}的 {price}，应先改{name.partition('“')[0]}"
        if offer.starts_at <= now:
            continue  # The law wants the maker's price up to date at once; the cut came before the rise.
        problem = strike_through_problem(new_fen, Basis.GUIDE, offer.starts_at, history, new_fen)
        if problem:
            start = clock.say(offer.starts_at)
            return f"{_called(offer)}{start}开始：{problem}"
    return None


def _called(offer: PriceRow) -> str:
    return "门店促销价" if offer.kind == PriceKind.PROMO else f"一口价“{offer.deal_slug}”"
