"""The terms in plain words, generated from the rules: worth what, for what, where, until when, how many, what not."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from app.core.clock import local
from app.core.money import format_yuan
from app.coupons.rules.terms import Terms
from app.coupons.rules.words import ClaimWay, CouponKind, Scope, Usage

NEWCOMER_DAYS = 7
SOON = timedelta(days=7)
NAMED = 6
GIVEN_BACK = time(0, 15)

WAY_HELP = {
    ClaimWay.DIRECT: "点“领取”即可",
    ClaimWay.PASSPHRASE: "凭口令领取",
    ClaimWay.SCAN: "扫海报、单页或门店里的领券码领取",
    ClaimWay.NEW_MEMBER: f"首次登录后 {NEWCOMER_DAYS} 天内的新会员领取，每人一次",
    ClaimWay.STAFF: "到店由店员发放",
    ClaimWay.SHAKE: "摇一摇领取，按公示的概率",
    ClaimWay.WISH: "许愿后领取",
    ClaimWay.DRAW: "夺券活动的奖品，抽中后自动放进卡券",
}
SCOPE_WORDS = {
    Scope.CAR: "用于购买整车。",
    Scope.ACCESSORIES: "用于购买精品，不抵车款。",
    Scope.WORKSHOP: "用于售后服务，不抵车款。",
}
# Where the ways with a page of their own lead to; what is not named here is not shown to anybody.
WAY_PAGES: dict[str, str] = {
    ClaimWay.DIRECT: "/coupons/{slug}/claims/new",
    ClaimWay.PASSPHRASE: "/coupons/{slug}/claims/new",
    ClaimWay.NEW_MEMBER: "/coupons/{slug}/claims/new",
    ClaimWay.SHAKE: "/coupons/{slug}/shakes/new",
    ClaimWay.WISH: "/coupons/wishes/new?campaign={slug}",
    ClaimWay.DRAW: "/coupons/{slug}/draw",
}


def plain_terms(
    terms: Terms,
    campaign: Any = None,
    *,
    series: Sequence[str] = (),
    dealers: Sequence[str] = (),
    valid_until: datetime | None = None,
) -> list[str]:
    """What a person must know, a sentence each. `series` and `dealers` are the names behind the ids of the terms.

    With the `campaign` also how many one may claim and for how long they are good; with `valid_until` (of one's own
    coupon) until when this one is.
    """
    lines = [_worth(terms), _scope(terms), _series(terms, series), _where(terms, dealers)]
    if valid_until is not None:
        lines.append(f"有效期到{last_day(valid_until)}。")
    elif campaign is not None and (validity := validity_words(campaign.valid_until, campaign.valid_days)):
        lines.append(f"{validity}。")
    if campaign is not None:
        lines.append(_how_many(campaign))
    lines += [_together(terms), _on_deal(terms), _never(terms)]
    return [line for line in lines if line]


def last_day(until: datetime) -> str:
    """The end of a half-open validity as people say it: 2026年12月31日, or with the hour when it is not a whole day.

    The minutes that an undone redemption gave back after midnight (at most ten) are not said: they are a present.
    """
    wall, day = local(until), _last_day(until)
    return f"{day.year}年{day.month}月{day.day}日" + ("" if wall.time() < GIVEN_BACK else f"{wall:%H:%M}")


def _last_day(until: datetime) -> date:
    wall = local(until)
    return wall.date() - timedelta(days=wall.time() < GIVEN_BACK)


def validity_words(valid_until: datetime | None, valid_days: int | None) -> str:
    """For how long what is claimed now is good."""
    words = [f"领取后 {valid_days} 天内有效"] if valid_days is not None else []
    if valid_until is not None:
        words.append(f"有效期到{last_day(valid_until)}" if not words else f"最晚到{last_day(valid_until)}")
    return "，".join(words)


def soon_words(until: datetime, now: datetime) -> str:
    """3 天后到期, when it is soon; else nothing."""
    days = (_last_day(until) - local(now).date()).days
    if until <= now or days > SOON.days:
        return ""
    return {0: "今天到期", 1: "明天到期"}.get(days, f"{days} 天后到期")


def _worth(terms: Terms) -> str:
    from_ = f"满 {format_yuan(terms.threshold_fen)} 可用，" if terms.threshold_fen else ""
    if terms.lowers_price and not (terms.face_fen or terms.discount_permille):  # a draft that does not say it yet
        return ""
    if terms.kind == CouponKind.CASH:
        return f"{from_}抵 {terms.value_words()}。"
    if terms.kind == CouponKind.DISCOUNT:
        most = f"，最多减 {format_yuan(terms.most_fen)}" if terms.most_fen is not None else ""
        return f"{from_}按 {terms.value_words()}结算{most}。"
    if terms.kind == CouponKind.PICKUP:
        return f"{from_}凭券到店领取“{terms.title}”一份。"
    if terms.kind == CouponKind.PARKING:
        worth = f"，最多抵 {format_yuan(terms.face_fen)}" if terms.face_fen else ""
        return f"{from_}到店停车可用一次{worth}。"
    worth = f"，价值 {format_yuan(terms.face_fen)}" if terms.face_fen else ""
    return f"{from_}凭券享受“{terms.title}”服务一次{worth}。"


def _scope(terms: Terms) -> str:
    """Off what; a coupon that says nothing is read by the clerk and never lowers a booking."""
    if terms.scope:
        return SCOPE_WORDS[Scope(terms.scope)]
    return "预订时不抵车款，到店由店员核对。" if terms.lowers_price and terms.usage != Usage.IN_STORE else ""


def _series(terms: Terms, names: Sequence[str]) -> str:
    if terms.series is None:
        return "不限车系。"
    return f"限{_some(names, '款车系') or '指定车系'}。"


def _where(terms: Terms, names: Sequence[str]) -> str:
    stores = "全部门店" if terms.dealers is None else (_some(names, "家门店") or "指定门店")
    if terms.usage == Usage.ONLINE:
        only = "" if terms.dealers is None else f"，提车门店限{stores}"
        return f"在线预订时使用，不能到店核销{only}。"
    if terms.usage == Usage.IN_STORE or not (terms.lowers_price and terms.scope == Scope.CAR):
        return f"到店出示给店员使用：{stores}。"
    return f"在线预订或到店都可以用：{stores}。"


def _some(names: Sequence[str], counted: str) -> str:
    if len(names) <= NAMED:
        return "、".join(names)
    return f"{'、'.join(names[:NAMED])}等 {len(names)} {counted}"


def _how_many(campaign: Any) -> str:
    words = [f"共 {campaign.total} 张"]
    if campaign.daily_total is not None:
        words.append(f"每天 {campaign.daily_total} 张")
    words.append(f"每人限领 {campaign.per_person} 张")
    if campaign.per_day is not None and campaign.per_day < campaign.per_person:
        words.append(f"每人每天 {campaign.per_day} 张")
    return "，".join(words) + "。"


def _together(terms: Terms) -> str:
    if not terms.lowers_price:
        return ""
    if not terms.stackable:
        return "单独使用，不与其他优惠券叠加。"
    same = "；同一组的券只用一张" if terms.group else ""
    return f"可与其他可叠加的券一起使用{same}。"


def _on_deal(terms: Terms) -> str:
    return "不与一口价同享。" if terms.alone else ""


def _never(terms: Terms) -> str:
    change = "不找零，" if terms.kind in (CouponKind.CASH, CouponKind.PARKING) else ""
    return f"{change}不兑换现金，不能转让；取消预订或撤销核销后，券会退回。"
