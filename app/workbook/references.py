"""Checks across rows: references, prices against each other, windows, and what a campaign needs to work.

They judge the state that the import would leave behind, so a workbook with fewer sheets is checked against what stays.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from app.core import money
from app.coupons.rules import CampaignState, ClaimWay, CouponKind, Payer
from app.workbook import rules
from app.workbook.checks import Findings
from app.workbook.rules import CampaignRow, Content, DealRow, SeriesRow, Stored, Validity

# `/dealers/nearby` is a page of its own.
RESERVED_DEALERS = frozenset({"nearby"})
MOST_PRIORITY = 9999
Say = Callable[[str, str], None]


class Aftermath:
    """Looks rows up as they will be after the import."""

    def __init__(self, content: Content, present: Mapping[str, Mapping[str, Stored]], found: Findings) -> None:
        self.found = found
        self._content = content
        self._rows = {
            sheet: content.rows.get(sheet, {})
            if sheet in content.sheets
            else {key: stored.row for key, stored in present.get(sheet, {}).items() if not stored.withdrawn}
            for sheet in rules.SHEETS
        }

    def rows(self, sheet: str) -> list[Any]:
        return list(self._rows[sheet].values())

    def get(self, sheet: str, key: str) -> Any | None:
        return self._rows[sheet].get(key)

    def require(self, sheet: str, row: Any, field: str, target: str, keys: Iterable[str]) -> None:
        """A finding for every reference to nothing, at the row that refers, or at the sheet that lost the row."""
        for key in keys:
            if key in self._rows[target] or key in self.found.spoiled[target]:
                continue
            if row.at:
                self.found.at(sheet, row.at, field, f"“{key}”不存在，应为“{target}”里的编号")
            elif target in self._content.sheets:
                self.found.add(target, "A1", f"缺少“{key}”，{sheet}“{row.key}”还在引用它，应保留这一行")


def check_references(content: Content, present: Mapping[str, Mapping[str, Stored]], found: Findings) -> None:
    """Add every finding that needs more than one row."""
    after = Aftermath(content, present, found)
    single = (
        (rules.SERIES, "brand", rules.BRANDS),
        (rules.COLOURS, "series", rules.SERIES),
        (rules.TRIMS, "series", rules.SERIES),
        (rules.DEALS, "trim", rules.TRIMS),
    )
    for sheet, field, target in single:
        for row in after.rows(sheet):
            after.require(sheet, row, field, target, [getattr(row, field)])
    for series in after.rows(rules.SERIES):
        _check_successor(series, after)
    for trim in content.specs:
        if after.get(rules.TRIMS, trim) is None and trim not in found.spoiled[rules.TRIMS]:
            found.add(rules.SPECS, found.first_spec[trim], f"“{trim}”不存在，应为“{rules.TRIMS}”里的编号")
    for dealer in after.rows(rules.DEALERS):
        if dealer.slug in RESERVED_DEALERS:
            found.at(rules.DEALERS, dealer.at, "slug", f"编号“{dealer.slug}”是保留字，应换一个")
    for deal in after.rows(rules.DEALS):
        after.require(rules.DEALS, deal, "dealers", rules.DEALERS, deal.dealers or ())
        _check_deal(deal, after)
    for campaign in after.rows(rules.CAMPAIGNS):
        after.require(rules.CAMPAIGNS, campaign, "series", rules.SERIES, campaign.series or ())
        after.require(rules.CAMPAIGNS, campaign, "dealers", rules.DEALERS, campaign.dealers or ())
        if campaign.at:
            _check_campaign(campaign, found)


def check_taken(content: Content, taken: Mapping[str, Mapping[str, int]], found: Findings) -> None:
    """A finding where a workbook offers fewer units or coupons than people already hold."""
    for deal in content.rows.get(rules.DEALS, {}).values():
        gone = taken[rules.DEALS].get(deal.slug, 0)
        if deal.units_total < gone:
            found.at(
                rules.DEALS, deal.at, "units_total", f"台数 {deal.units_total} 少于已预订的 {gone} 台，应不少于 {gone}"
            )
    for campaign in content.rows.get(rules.CAMPAIGNS, {}).values():
        gone = taken[rules.CAMPAIGNS].get(campaign.slug, 0)
        if campaign.total < gone:
            message = f"发放总量 {campaign.total} 少于已领取的 {gone} 张，应不少于 {gone}"
            found.at(rules.CAMPAIGNS, campaign.at, "total", message)


def check_draws(content: Content, before: Mapping[str, Stored], promised: Collection[str], found: Findings) -> None:
    """A finding where a workbook takes from the prizes of a draw that is published: people are in it already."""
    for campaign in content.rows.get(rules.CAMPAIGNS, {}).values():
        if campaign.slug not in promised or campaign.slug not in before:
            continue
        for field, worse in _takes_from(before[campaign.slug].row, campaign):
            found.at(rules.CAMPAIGNS, campaign.at, field, f"“{campaign.slug}”的夺券已经公示，{worse}")


def _takes_from(old: CampaignRow, new: CampaignRow) -> list[tuple[str, str]]:
    """(field, in words) of everything that a winner would be worse off with, or get nothing by."""
    worse: list[tuple[str, str]] = []
    if new.way != old.way:
        worse.append(("way", f"领取方式应仍为“{old.way}”"))
    if new.state == CampaignState.DRAFT != old.state:
        worse.append(("state", "不能改回草稿"))
    if new.total < old.total:
        worse.append(("total", f"发放总量 {new.total} 应不少于 {old.total}"))
    sooner = new.valid.until is not None and (old.valid.until is None or new.valid.until < old.valid.until)
    fewer = new.valid.days is not None and (old.valid.days is None or new.valid.days < old.valid.days)
    if sooner or fewer or new.valid == Validity() != old.valid:
        worse.append(("valid", "有效期不能缩短"))
    return worse


def _check_successor(series: SeriesRow, after: Aftermath) -> None:
    """Only for rows that are read: a successor that leaves later leaves its predecessor's page without one."""
    if not series.at or not series.successor:
        return
    after.require(rules.SERIES, series, "successor", rules.SERIES, [series.successor])
    if series.successor == series.slug:
        after.found.at(rules.SERIES, series.at, "successor", "后继车系是它自己，应为另一个车系的编号")


def _check_deal(deal: DealRow, after: Aftermath) -> None:
    found, price = after.found, money.format_yuan(deal.price_fen)
    trim = after.get(rules.TRIMS, deal.trim)
    if trim is not None and deal.price_fen > trim.msrp_fen:
        guide = money.format_yuan(trim.msrp_fen)
        if deal.at:
            found.at(rules.DEALS, deal.at, "price_fen", f"一口价 {price} 高于指导价 {guide}，应不高于指导价")
        elif trim.at:
            message = f"指导价 {guide} 低于一口价“{deal.slug}”的 {price}，应先改一口价"
            found.at(rules.TRIMS, trim.at, "msrp_fen", message)
    if not deal.at:
        return
    if deal.ends_at <= deal.starts_at:
        found.at(rules.DEALS, deal.at, "ends_at", "结束时间不晚于开始时间，应晚于开始时间")
    _check_balance(deal, found)
    _check_units(deal, found)
    earnest = money.format_yuan(deal.earnest_fen)
    if deal.earnest_fen > deal.price_fen:
        found.at(rules.DEALS, deal.at, "earnest_fen", f"{deal.earnest_kind} {earnest} 高于一口价 {price}")
    elif deal.earnest_kind == "定金" and deal.earnest_fen * 5 > deal.price_fen:
        most = money.format_yuan(deal.price_fen // 5)
        message = f"定金 {earnest} 超过一口价的 20%，应不超过 {most}（民法典第五百八十六条）"
        found.at(rules.DEALS, deal.at, "earnest_fen", message)


def _check_balance(deal: DealRow, found: Findings) -> None:
    start, end = deal.balance_starts_at, deal.balance_ends_at
    field = "balance_starts_at" if start else "balance_ends_at"
    if (start or end) and deal.earnest_fen == deal.price_fen:
        message = f"{deal.earnest_kind}等于一口价，没有尾款，尾款时间应留空"
        found.at(rules.DEALS, deal.at, field, message)
    if start and end and end <= start:
        found.at(rules.DEALS, deal.at, "balance_ends_at", "尾款结束不晚于尾款开始，应晚于尾款开始")
    elif end and end <= deal.ends_at:
        found.at(
            rules.DEALS, deal.at, "balance_ends_at", "尾款结束不晚于活动结束，最后预订的人来不及付，应晚于结束时间"
        )


def _check_units(deal: DealRow, found: Findings) -> None:
    if not deal.dealer_units:
        return
    total = sum(count for _, count in deal.dealer_units)
    if total != deal.units_total:
        message = f"门店台数合计 {total} 台，与台数 {deal.units_total} 不符，应相等"
        found.at(rules.DEALS, deal.at, "dealer_units", message)
    if {slug for slug, _ in deal.dealer_units} != set(deal.dealers or ()):
        message = "门店台数与参与门店不一致，每家参与门店都应有台数（参与门店填“全部”或留空时按门店台数）"
        found.at(rules.DEALS, deal.at, "dealer_units", message)


def _check_campaign(campaign: CampaignRow, found: Findings) -> None:
    def say(field: str, message: str) -> None:
        found.at(rules.CAMPAIGNS, campaign.at, field, message)

    if campaign.claim_until <= campaign.claim_from:
        say("claim_until", "领取结束不晚于领取开始，应晚于领取开始")
    elif campaign.valid.until is not None and campaign.valid.until < campaign.claim_until:
        say("valid", "有效期早于领取结束，最后领到的券会是过期的，应不早于领取结束")
    if campaign.kind == CouponKind.CASH and not campaign.face_fen:
        say("face_fen", "代金券没有面值，应填大于 0 的面值元")
    if campaign.kind == CouponKind.DISCOUNT and campaign.discount_permille is None:
        say("discount_permille", "折扣券没有折扣，应填如 8.8")
    if campaign.way == ClaimWay.PASSPHRASE and not campaign.passphrase:
        say("passphrase", "领取方式是口令，应填口令")
    _check_limits(campaign, say)
    _check_payer(campaign, say)
    if campaign.most_fen is not None and campaign.kind != CouponKind.DISCOUNT:
        say("most_fen", f"{campaign.kind}不按折扣抵扣，最高抵扣元应留空，只有折扣券可填")
    if campaign.shake_permille is not None and campaign.way != ClaimWay.SHAKE:
        say("shake_permille", "领取方式不是摇一摇，摇中概率应留空")
    elif campaign.shake_permille == 0:
        say("shake_permille", "摇中概率为 0，应大于 0、不超过 100")
    if campaign.near_m is not None and campaign.way != ClaimWay.SHAKE:
        say("near_m", "领取方式不是摇一摇，距店米应留空")


def _check_limits(campaign: CampaignRow, say: Say) -> None:
    if campaign.per_day is not None and campaign.per_day > campaign.per_person:
        say("per_day", f"每人每日限领 {campaign.per_day} 张多于每人限领 {campaign.per_person} 张，应不多于每人限领")
    if campaign.daily_total is not None and campaign.daily_total > campaign.total:
        say("daily_total", f"每日总量 {campaign.daily_total} 张多于发放总量 {campaign.total} 张，应不多于发放总量")
    if not 0 <= campaign.priority <= MOST_PRIORITY:
        say("priority", f"优先级应为 0 到 {MOST_PRIORITY} 的整数，数小的先用")


def _check_payer(campaign: CampaignRow, say: Say) -> None:
    share = campaign.dealer_permille
    if campaign.payer == Payer.SHARED and not 0 < share < 1000:
        say("dealer_permille", "承担方是共担，门店承担比例应大于 0、小于 100")
    elif campaign.payer == Payer.HEADQUARTERS and share:
        say("dealer_permille", "承担方是总部，门店承担比例应留空")
    elif campaign.payer == Payer.DEALER and share not in (0, 1000):
        say("dealer_permille", "承担方是门店，门店承担比例应留空")
