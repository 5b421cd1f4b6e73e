"""What 订金, 意向金 and 定金 mean, as data, and the terms that say so. Pure."""

import functools
import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from app.booking.rules.times import EXTENSION, HOLD
from app.core.clock import say
from app.core.money import format_yuan


class EarnestKind(StrEnum):
    """款项类型. The words are never swapped: only 定金 binds."""

    PREPAYMENT = "订金"
    BINDING = "定金"
    INTENTION = "意向金"


class Follows(StrEnum):
    """What becomes of earnest money when a promise is broken."""

    RETURNED = "returned"  # all of it goes back
    KEPT = "kept"  # the customer does not get it back
    DOUBLED = "doubled"  # it goes back, and once more as much


@dataclass(frozen=True, slots=True)
class EarnestLaw:
    """One kind of earnest money: how much it may be, who breaks the promise, what follows."""

    kind: EarnestKind
    cap_percent: int  # of the price
    customer_breaks: Follows
    dealer_breaks: Follows
    source: str
    sentence: str

    @property
    def binding(self) -> bool:
        return self.customer_breaks is Follows.KEPT


BINDING_SHARE_PERCENT = 20  # Civil Code, article 586
_PREPAID = "{}是预付款：交车前可随时取消，全额原路退回；付清全款且车已备好后，取消由总部审核。"
LAWS: dict[str, EarnestLaw] = {
    EarnestKind.PREPAYMENT: EarnestLaw(
        EarnestKind.PREPAYMENT, 100, Follows.RETURNED, Follows.RETURNED, "预付款", _PREPAID.format("订金")
    ),
    EarnestKind.INTENTION: EarnestLaw(
        EarnestKind.INTENTION, 100, Follows.RETURNED, Follows.RETURNED, "预付款", _PREPAID.format("意向金")
    ),
    EarnestKind.BINDING: EarnestLaw(
        EarnestKind.BINDING,
        BINDING_SHARE_PERCENT,
        Follows.KEPT,
        Follows.DOUBLED,
        "《民法典》第五百八十六条、第五百八十七条",
        "定金具有担保效力：您违约不退还，商家违约双倍返还。",
    ),
}


def refundable(kind: str) -> bool:
    """Whether the shopper may have it back by cancelling."""
    return not LAWS[kind].binding


def earnest_problem(kind: str, earnest_fen: int, price_fen: int) -> str | None:
    """What forbids this earnest money, as a sentence, or None."""
    law = LAWS.get(kind)
    if law is None:
        return "款项类型应为订金、定金或意向金"
    if not 0 < earnest_fen <= price_fen:
        return f"{kind}应大于 0 且不超过一口价"
    if earnest_fen * 100 > price_fen * law.cap_percent:
        return f"{kind}不得超过一口价的 {law.cap_percent}%"
    return None


def earnest_rule(kind: str) -> str:
    """What it means for the payer, in one sentence."""
    return LAWS[kind].sentence


TERMS_VERSION = "2026-11.2"


class Offer(Protocol):
    """What of a deal its terms are made of: the row, or the columns a query read."""

    @property
    def earnest_kind(self) -> Any: ...
    @property
    def earnest_fen(self) -> Any: ...
    @property
    def price_fen(self) -> Any: ...
    @property
    def confirm_hours(self) -> Any: ...
    @property
    def ready_days(self) -> Any: ...
    @property
    def balance_starts_at(self) -> Any: ...
    @property
    def balance_ends_at(self) -> Any: ...
    @property
    def terms(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """预订条款 as agreed to: the text and its hash go onto the booking."""

    text: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def version(self) -> str:
        """Another text is another version, whoever changed it: the deal's kind, amount and notes are all in it."""
        return f"{TERMS_VERSION}-{self.digest[:12]}"


@dataclass(frozen=True, slots=True)
class Promise:
    """The same terms as data: what is paid, by when who does what, what follows when it is not done."""

    kind: str
    earnest_fen: int
    price_fen: int
    confirm_hours: int
    ready_days: int
    balance_from: datetime | None = None
    balance_until: datetime | None = None

    @property
    def law(self) -> EarnestLaw:
        return LAWS[self.kind]

    def facts(self) -> dict[str, object]:
        """Plain values, for machines that judge or show the promise."""
        law = self.law
        return {
            "kind": self.kind,
            "earnest_fen": self.earnest_fen,
            "cap_fen": self.price_fen * law.cap_percent // 100,
            "customer_breaks": law.customer_breaks.value,
            "dealer_breaks": law.dealer_breaks.value,
            "confirm_hours": self.confirm_hours,
            "ready_days": self.ready_days,
            "balance_fen": self.price_fen - self.earnest_fen,
            "balance_from": self.balance_from.isoformat() if self.balance_from else None,
            "balance_until": self.balance_until.isoformat() if self.balance_until else None,
            "source": law.source,
        }


def promise_of(deal: Offer) -> Promise:
    """What this deal promises."""
    return Promise(
        deal.earnest_kind,
        deal.earnest_fen,
        deal.price_fen,
        deal.confirm_hours,
        deal.ready_days,
        deal.balance_starts_at,
        deal.balance_ends_at,
    )


def terms_of(deal: Offer) -> Terms:
    """The terms of one booking of this deal, in sentences."""
    return _terms(promise_of(deal), deal.terms.strip())


@functools.lru_cache(256)  # the same for everybody who books, so the crowd pays once
def _terms(promise: Promise, notes: str) -> Terms:
    lines = [
        f"一口价 {format_yuan(promise.price_fen)}，{promise.kind} {format_yuan(promise.earnest_fen)}"
        f"，{_balance_line(promise)}",
        earnest_rule(promise.kind),
        f"提交后为您保留 {_minutes(HOLD)} 分钟，结束前可延长一次 {_minutes(EXTENSION)} 分钟；"
        "付款成功预订生效，超时未付自动释放。",
        f"付款后门店在 {promise.confirm_hours} 小时内确认，确认后 {promise.ready_days} 天内备好车。"
        f"{_dealer_line(promise)}",
        _customer_line(promise),
        "保留结束后才到账的付款：还有名额就为您保住预订，没有名额则自动全额原路退回，并为您排在候补最前。",
        "更换颜色、门店或登记车主，先告知差价和新的期限，您确认后才生效。",
    ]
    if notes:
        lines.append(notes)
    return Terms("\n".join(lines))


def _minutes(span: Any) -> int:
    return int(span.total_seconds() // 60)


def _balance_line(promise: Promise) -> str:
    rest = promise.price_fen - promise.earnest_fen
    if rest == 0:
        return "已是全款，没有余款。"
    if promise.balance_from and promise.balance_until:
        window = f"{say(promise.balance_from)}起、{say(promise.balance_until)}前"
    elif promise.balance_until:
        window = f"{say(promise.balance_until)}前"
    else:
        window = f"{say(promise.balance_from)}起" if promise.balance_from else "提车前"
    return f"余款 {format_yuan(rest)} 在{window}到店或在线支付。"


def _dealer_line(promise: Promise) -> str:
    if promise.law.dealer_breaks is Follows.DOUBLED:
        return "门店逾期未办，定金自动原路退回，另一倍由总部核实后支付。"
    return f"门店逾期未办，{promise.kind}和已在线支付的余款自动全额原路退回。"


def _customer_line(promise: Promise) -> str:
    if promise.law.customer_breaks is Follows.KEPT:
        return "您未按约付清余款或提车，由总部审核后定金不予退还，已付余款退回；您可以提出异议。"
    return f"您未按约付清余款或提车，提醒后仍未办理的，预订取消，{promise.kind}全额原路退回。"


# What the separate consent says: who gets what, and what for. Shown and recorded word for word.
SHARING_TEXT = "同意将我的姓名和手机号提供给所选门店，仅用于联系我办理这次预订。"
