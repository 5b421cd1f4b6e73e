"""What a campaign may not be: each problem names the rule it breaks. Asked before a campaign is published. Pure.

Sources: WeChat's rules for shared pages, 明码标价和禁止价格欺诈规定, 规范促销行为暂行规定, 广告法. An engineer's
reading, to be confirmed by counsel before a launch.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import wording
from app.core.money import format_yuan
from app.coupons.rules.draws import MOST_PRIZE_FEN
from app.coupons.rules.terms import Terms
from app.coupons.rules.words import ClaimWay, CouponKind, Payer, Scope, Usage

LONGEST = timedelta(days=366)  # a coupon nobody can use within a year of claiming is a promise nobody checks


@dataclass(frozen=True, slots=True)
class Offer:
    """What is to be published."""

    title: str
    way: str
    total: int
    per_person: int
    per_day: int | None
    daily_total: int | None
    claim_from: datetime
    claim_until: datetime
    valid_until: datetime | None
    valid_days: int | None
    passphrase: str
    shake_permille: int | None
    terms: Terms


@dataclass(frozen=True, slots=True)
class Breach:
    """`rule` is broken, `text` says by what and what to do."""

    rule: str
    text: str


def breaches(offer: Offer, now: datetime) -> list[Breach]:
    """Everything that stands against publishing; empty: it may go online."""
    return [*_words(offer), *_value(offer), *_times(offer, now), *_numbers(offer), *_way(offer)]


def _words(offer: Offer) -> list[Breach]:
    said = f"{offer.title}\n{offer.terms.text}"
    return [Breach(rule, text) for rule, text in wording.problems(said)]


def _value(offer: Offer) -> list[Breach]:
    terms, found = offer.terms, list[Breach]()
    rule = "明码标价：券面要写明价值"
    if terms.kind == CouponKind.CASH and not terms.face_fen:
        found.append(Breach(rule, "代金券要有面值"))
    if terms.kind == CouponKind.DISCOUNT and not 0 < (terms.discount_permille or 0) < 1000:
        found.append(Breach(rule, "折扣券要有折扣，例如 8.8 折"))
    if terms.kind == CouponKind.CASH and terms.threshold_fen and (terms.face_fen or 0) > terms.threshold_fen:
        found.append(Breach("明码标价：门槛要大于面值", "面值比门槛高，请核对两个金额"))
    if terms.payer == Payer.SHARED and not 0 < terms.dealer_permille < 1000:
        found.append(Breach("结算：共担要有比例", "请填写门店承担的比例，大于 0、小于 100 %"))
    if terms.lowers_price and terms.usage == Usage.ONLINE and terms.scope != Scope.CAR:
        found.append(Breach("适用范围", "只能线上使用的券要适用于整车，不然哪里都用不了"))
    if terms.series == ():
        found.append(Breach("适用范围", "没有任何车系适用"))
    if terms.dealers == ():
        found.append(Breach("适用范围", "没有任何门店适用"))
    return found


def _times(offer: Offer, now: datetime) -> list[Breach]:
    found: list[Breach] = []
    if offer.claim_until <= offer.claim_from or offer.claim_until <= now:
        found.append(Breach("领取时间", "领取结束要晚于开始，并且还没有到"))
    if offer.valid_until is None and not offer.valid_days:
        found.append(Breach("规范促销：有效期要事先公示", "请写明有效期"))
    elif offer.valid_until is not None and offer.valid_until <= offer.claim_until:
        found.append(Breach("规范促销：领到就要能用", "有效期在领取结束以前就过了，最后领到的人用不了"))
    if offer.valid_days and timedelta(days=offer.valid_days) > LONGEST:
        found.append(Breach("有效期", "有效期最长一年"))
    return found


def _numbers(offer: Offer) -> list[Breach]:
    found: list[Breach] = []
    if offer.total < 1 or offer.per_person < 1:
        found.append(Breach("规范促销：数量要事先公示", "发放总量和每人限领至少是 1"))
    if offer.daily_total is not None and offer.daily_total > offer.total:
        found.append(Breach("数量", "每日总量比发放总量还多"))
    if offer.per_day is not None and offer.per_day > offer.per_person:
        found.append(Breach("数量", "每人每日限领比每人限领还多"))
    return found


def _way(offer: Offer) -> list[Breach]:
    if offer.way == ClaimWay.PASSPHRASE and len(offer.passphrase.strip()) < 4:
        return [Breach("口令", "口令至少 4 个字，才不会被轻易试出来")]
    if offer.way in (ClaimWay.SHAKE, ClaimWay.DRAW) and most_worth(offer.terms) > MOST_PRIZE_FEN:
        text = f"奖品价值超过 {format_yuan(MOST_PRIZE_FEN)}，不能抽奖发放"
        return [Breach("反不正当竞争法：抽奖的最高奖金额", text)]
    if offer.way == ClaimWay.SHAKE and not 0 < (offer.shake_permille or 0) <= 1000:
        return [Breach("规范促销：抽奖要公示概率", "摇一摇要写明中奖概率，页面会公开显示")]
    return []


def most_worth(terms: Terms) -> int:
    """The most one piece can be worth: a discount of a car without a cap is worth more than any prize may be."""
    if terms.kind == CouponKind.DISCOUNT and terms.most_fen is None:
        return terms.worth_fen or MOST_PRIZE_FEN + 1
    return max(terms.face_fen or 0, terms.most_fen or 0, terms.worth_fen)
