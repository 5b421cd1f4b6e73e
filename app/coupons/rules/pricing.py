"""可解释的价格: which coupons lower a price, in which order and by how much, and for each other one exactly why not.

Every coupon maps what is still to be paid to something not larger, and never turns a larger amount into a smaller one
than a smaller amount gives; so one coupon more never makes the price higher, and the best choice takes every stackable
coupon and one of each group. What the price is does not depend on the order in which coupons were claimed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import product

from app.core.clock import say
from app.core.money import format_yuan
from app.coupons.rules.terms import Terms
from app.coupons.rules.words import CouponKind, CouponState, Scope, Usage

# Beyond so many ways to choose one coupon of each group, the groups are settled one after the other.
WAYS = 4096


class Why(StrEnum):
    """Why a coupon does not lower this price."""

    HELD = "held"
    REDEEMED = "redeemed"
    REVOKED = "revoked"
    NOT_STARTED = "not_started"
    EXPIRED = "expired"
    KIND = "kind"
    SCOPE = "scope"
    USAGE = "usage"
    SERIES = "series"
    DEALER = "dealer"
    ON_DEAL = "on_deal"
    THRESHOLD = "threshold"
    NOT_STACKABLE = "not_stackable"
    OTHER_NOT_STACKABLE = "other_not_stackable"
    GROUP = "group"
    NOTHING_LEFT = "nothing_left"
    NOT_CHOSEN = "not_chosen"


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is paid for. `base_fen`: before any coupon; `least_fen`: what stays to be paid whatever is used.

    `usage` says where it happens (online or in the store), `dealer_id` None while no store is chosen. With a `scope`
    only coupons for it count.
    """

    base_fen: int
    series_id: int | None
    dealer_id: int | None
    usage: Usage
    at: datetime
    on_deal: bool = False
    least_fen: int = 0
    scope: Scope = Scope.UNSAID


@dataclass(frozen=True, slots=True)
class Candidate:
    """One coupon of the person's wallet."""

    coupon_id: int
    campaign_id: int
    terms: Terms
    state: str
    valid_from: datetime
    valid_until: datetime

    @property
    def group(self) -> str:
        """Of the coupons that share it only one is used: the group of the terms, or the campaign's own."""
        return f"group:{self.terms.group}" if self.terms.group else f"campaign:{self.campaign_id}"

    @property
    def order(self) -> tuple[int, bool, str, datetime, int]:
        """In which order coupons are applied: by priority, parts of the price (折扣) before amounts: that saves more.

        Equal terms are told apart by what ends sooner, then by their number.
        """
        terms = self.terms
        return terms.priority, terms.kind != CouponKind.DISCOUNT, terms.digest, self.valid_until, self.coupon_id


@dataclass(frozen=True, slots=True)
class Reason:
    """`text` says what stands against it, `remedy` what would make it apply (empty: nothing does)."""

    why: Why
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the price, in the order it is applied: the base first, then a negative amount for each coupon."""

    label: str
    amount_fen: int
    coupon_id: int | None = None


@dataclass(frozen=True, slots=True)
class Unused:
    """A coupon that does not lower this price, with everything that stands against it."""

    candidate: Candidate
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """The lines add up to `payable_fen`."""

    lines: tuple[Line, ...]
    payable_fen: int
    unused: tuple[Unused, ...]

    @property
    def off_fen(self) -> int:
        return -sum(line.amount_fen for line in self.lines[1:])

    @property
    def used(self) -> tuple[int, ...]:
        return tuple(line.coupon_id for line in self.lines if line.coupon_id is not None)


def price(
    purchase: Purchase, candidates: Iterable[Candidate], chosen: Collection[int] | None = None, label: str = "车价"
) -> Price:
    """The price with the best coupons, or with those that were `chosen` (ids) and go together.

    Of chosen coupons that exclude each other, those that save most are used.
    """
    everything = sorted(candidates, key=lambda each: each.order)
    against = {each.coupon_id: own_reasons(each, purchase) for each in everything}
    usable = [each for each in everything if not against[each.coupon_id]]
    picked = usable if chosen is None else [each for each in usable if each.coupon_id in chosen]
    used, lines = [], [Line(label, purchase.base_fen)]
    for each in _best(picked, purchase):
        off = takes_off(each, lines, purchase)
        if off:
            used.append(each)
            lines.append(Line(each.terms.title, -off, each.coupon_id))
    payable = sum(line.amount_fen for line in lines)
    unused = [
        Unused(each, tuple(against[each.coupon_id]) or (_outdone(each, used, picked, purchase),))
        for each in everything
        if each not in used
    ]
    return Price(tuple(lines), payable, tuple(unused))


def takes_off(each: Candidate, lines: Sequence[Line], purchase: Purchase) -> int:
    """What one coupon takes off what the lines so far leave."""
    left = sum(line.amount_fen for line in lines)
    return min(each.terms.takes_off(left), max(0, left - purchase.least_fen))


def own_reasons(each: Candidate, purchase: Purchase) -> list[Reason]:
    """What stands against a coupon by itself, all of it: with each of these changed it could be used."""
    return [reason for check in _CHECKS if (reason := check(each, purchase))]


# ---- which ones ----


def _best(picked: list[Candidate], purchase: Purchase) -> list[Candidate]:
    """The choice that saves most; of equals the one with fewer coupons, then the one that comes first in order."""
    stackable = [each for each in picked if each.terms.stackable]
    choices = [[each] for each in picked if not each.terms.stackable] + [_best_stack(stackable, purchase)]
    return min(choices, key=lambda choice: _cost(choice, purchase))


def _best_stack(stackable: list[Candidate], purchase: Purchase) -> list[Candidate]:
    groups: dict[str, list[Candidate]] = {}
    for each in stackable:
        same = groups.setdefault(each.group, [])
        if all(each.terms.digest != other.terms.digest for other in same):
            same.append(each)  # of pieces with equal terms the first in order stands for all
    options = list(groups.values())
    ways = 1
    for option in options:
        ways *= len(option)
    if ways <= WAYS:
        return min(
            (sorted(way, key=lambda each: each.order) for way in product(*options)),
            key=lambda way: _cost(way, purchase),
        )
    chosen = [option[0] for option in options]
    for n, option in enumerate(options):
        ranked = ((_cost([*chosen[:n], each, *chosen[n + 1 :]], purchase), each) for each in option)
        chosen[n] = min(ranked, key=lambda pair: (pair[0], pair[1].order))[1]
    return sorted(chosen, key=lambda each: each.order)


def _cost(
    choice: Sequence[Candidate], purchase: Purchase
) -> tuple[int, int, list[tuple[int, bool, str, datetime, int]]]:
    lines, used = [Line("", purchase.base_fen)], 0
    for each in sorted(choice, key=lambda each: each.order):
        off = takes_off(each, lines, purchase)
        used += bool(off)
        lines.append(Line("", -off))
    return sum(line.amount_fen for line in lines), used, sorted(each.order for each in choice)


def _outdone(each: Candidate, used: list[Candidate], picked: list[Candidate], purchase: Purchase) -> Reason:
    """Why a coupon that could be used is not."""
    if not takes_off(each, [Line("", purchase.base_fen)], purchase):
        return Reason(Why.NOTHING_LEFT, "这一单已经没有可以再减的金额")
    if each not in picked:
        return Reason(Why.NOT_CHOSEN, "没有选用这张券", "勾选它就能用")
    rival = next((other for other in used if other.group == each.group and other.terms.stackable), None)
    if each.terms.stackable and rival is not None:
        text = f"同类券一次只能用一张，已用“{rival.terms.title}”"
        return Reason(Why.GROUP, text, f"不用“{rival.terms.title}”，改选这张就能用")
    if not each.terms.stackable and used:
        names = "、".join(f"“{other.terms.title}”" for other in used)
        return Reason(Why.NOT_STACKABLE, f"这张券不能和别的券一起用，这次用了{names}", f"不用{names}，改选这张就能用")
    alone = next((other for other in used if not other.terms.stackable), None)
    if alone is not None:
        text = f"已用的“{alone.terms.title}”不能和别的券一起用"
        return Reason(Why.OTHER_NOT_STACKABLE, text, f"不用“{alone.terms.title}”，改选这张就能用")
    return Reason(Why.NOTHING_LEFT, "其他券已经减到最低，这张留着下次用", "少用一张别的券就能用")


# ---- one by one ----


def _state(each: Candidate, _purchase: Purchase) -> Reason | None:
    if each.state == CouponState.HELD:
        return Reason(Why.HELD, "这张券已经用在另一个预订里", "那个预订取消或过期后会退回")
    if each.state == CouponState.REDEEMED:
        return Reason(Why.REDEEMED, "这张券已经使用过")
    if each.state == CouponState.REVOKED:
        return Reason(Why.REVOKED, "这张券已失效")
    return None


def _started(each: Candidate, purchase: Purchase) -> Reason | None:
    if purchase.at < each.valid_from:
        return Reason(Why.NOT_STARTED, f"{say(each.valid_from)}起可用", "到时再用")
    return None


def _expired(each: Candidate, purchase: Purchase) -> Reason | None:
    if purchase.at >= each.valid_until or each.state == CouponState.EXPIRED:
        return Reason(Why.EXPIRED, f"已在{say(each.valid_until)}过期")
    return None


def _kind(each: Candidate, _purchase: Purchase) -> Reason | None:
    if not each.terms.lowers_price:
        return Reason(Why.KIND, f"{each.terms.kind}不抵车款，到店出示即可使用")
    return None


def _scope(each: Candidate, purchase: Purchase) -> Reason | None:
    scope = each.terms.scope
    if not purchase.scope or scope == purchase.scope or not each.terms.lowers_price:
        return None
    return Reason(Why.SCOPE, f"用于{scope}，不抵车款" if scope else "没有写明可抵车款", "到店时出示，由店员核对")


def _usage(each: Candidate, purchase: Purchase) -> Reason | None:
    if each.terms.usage not in (Usage.ANYWHERE, purchase.usage):
        if purchase.usage == Usage.ONLINE:
            return Reason(Why.USAGE, "只能到店使用", "到店时出示")
        return Reason(Why.USAGE, "只能在线上使用", "在线预订时选用")
    return None


def _series(each: Candidate, purchase: Purchase) -> Reason | None:
    if each.terms.series is not None and purchase.series_id not in each.terms.series:
        return Reason(Why.SERIES, "不适用这个车系", "预订适用的车系时可用")
    return None


def _dealer(each: Candidate, purchase: Purchase) -> Reason | None:
    if each.terms.dealers is None or purchase.dealer_id in each.terms.dealers:
        return None
    if purchase.dealer_id is None:
        return Reason(Why.DEALER, "只限部分门店", "选择适用的门店")
    return Reason(Why.DEALER, "不适用所选的门店", "换一家适用的门店")


def _on_deal(each: Candidate, purchase: Purchase) -> Reason | None:
    if purchase.on_deal and each.terms.alone:
        return Reason(Why.ON_DEAL, "不与一口价同享", "不按一口价购买时可用")
    return None


def _threshold(each: Candidate, purchase: Purchase) -> Reason | None:
    short = each.terms.threshold_fen - purchase.base_fen
    if short > 0:
        return Reason(Why.THRESHOLD, f"满{format_yuan(each.terms.threshold_fen)}可用", f"还差{format_yuan(short)}")
    return None


_CHECKS = (_state, _started, _expired, _kind, _scope, _usage, _series, _dealer, _on_deal, _threshold)
