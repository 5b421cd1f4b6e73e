"""The sheets and their columns: the one description that reading, checking and writing share."""

from dataclasses import dataclass
from typing import Any, Final

from app.catalog.rules import BodyClass, ColourSide, Energy, PurchaseTax, SaleStatus
from app.coupons.rules import CampaignState, Channel, ClaimWay, CouponKind, Payer, Scope, Usage
from app.workbook import rules

EARNEST_KINDS: Final = ("订金", "定金", "意向金")
DEALER_STATUSES: Final = ("营业", "暂停", "关闭")
SERVICES: Final = ("销售", "试驾", "售后", "充电")
SYSTEMS: Final = ("GCJ-02", "WGS-84", "BD-09")
ALL: Final = "全部"
CAMPAIGN_STATES: Final = {
    "草稿": CampaignState.DRAFT.value,
    "发布": CampaignState.PUBLISHED.value,
    "暂停": CampaignState.PAUSED.value,
    "结束": CampaignState.ENDED.value,
}
CHANNELS: Final = tuple(str(channel) for channel in Channel)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, the row's field it fills, how its cells are read, and what an empty cell means."""

    title: str
    field: str
    kind: str = "text"
    required: bool = False
    default: Any = ""
    limit: int = 0
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    row: type
    columns: tuple[Column, ...]

    def column(self, field: str) -> Column:
        return next(column for column in self.columns if column.field == field)


def _slug(title: str = "编号", field: str = "slug") -> Column:
    return Column(title, field, "slug", required=True, limit=64)


def _name(limit: int, title: str = "名称", field: str = "name") -> Column:
    return Column(title, field, required=True, limit=limit)


def _choice(title: str, field: str, choices: tuple[str, ...], *, required: bool = False, default: str = "") -> Column:
    return Column(title, field, "choice", required=required, default=default, choices=choices)


def _words(enum: Any) -> tuple[str, ...]:
    return tuple(str(word) for word in enum)


SERIES_STATUSES: Final = (SaleStatus.ON_SALE.value, SaleStatus.UPCOMING.value, SaleStatus.STOPPED.value)
TRIM_STATUSES: Final = (SaleStatus.ON_SALE.value, SaleStatus.STOPPED.value)

LAYOUT: Final[dict[str, Sheet]] = {
    sheet.name: sheet
    for sheet in (
        Sheet(
            rules.BRANDS,
            rules.BrandRow,
            (
                _slug(),
                _name(60),
                Column("英文名", "english_name", limit=60),
                Column("标志图", "logo", "picture", limit=200),
            ),
        ),
        Sheet(
            rules.SERIES,
            rules.SeriesRow,
            (
                _slug(),
                _slug("品牌编号", "brand"),
                _name(60),
                Column("英文名", "english_name", limit=60),
                _choice("级别", "body_class", _words(BodyClass), required=True),
                _choice("能源", "energy", _words(Energy), required=True),
                Column("座位数", "seats", "count", default=None, limit=60),
                Column("卖点", "highlights", "lines", limit=2000),
                Column("简介", "intro", limit=5000),
                Column("封面图", "cover", "picture", limit=200),
                Column("图集", "gallery", "pictures", default=(), limit=200),
                Column("环视图", "turntable", "folder", limit=190),
                Column("排序", "position", "position", default=None),
                _choice("状态", "status", SERIES_STATUSES, default=SaleStatus.ON_SALE.value),
                Column("后继车系", "successor", "slug", limit=64),
                Column("上市日期", "on_sale_on", "date", default=None),
            ),
        ),
        Sheet(
            rules.COLOURS,
            rules.ColourRow,
            (
                _slug("车系编号", "series"),
                _name(40),
                Column("色值", "hex", "hex", required=True),
                _choice("内外", "side", _words(ColourSide), default=ColourSide.EXTERIOR.value),
                Column("加价元", "surcharge_fen", "money", default=0),
                Column("图片", "picture", "picture", limit=200),
            ),
        ),
        Sheet(
            rules.TRIMS,
            rules.TrimRow,
            (
                _slug(),
                _slug("车系编号", "series"),
                _name(16, "年款", "model_year"),
                _name(80),
                Column("指导价元", "msrp_fen", "price", required=True),
                _choice("购置税", "purchase_tax", _words(PurchaseTax)),
                _choice("状态", "status", TRIM_STATUSES, default=SaleStatus.ON_SALE.value),
                Column("排序", "position", "position", default=None),
            ),
        ),
        Sheet(
            rules.SPECS,
            tuple,
            (
                _slug("车款编号", "trim"),
                _name(40, "分组", "group"),
                _name(60, "项目", "name"),
                Column("值", "value", "fit", limit=200),
                Column("单位", "unit", limit=24),
            ),
        ),
        Sheet(
            rules.DEALERS,
            rules.DealerRow,
            (
                _slug(),
                _name(80),
                _name(24, "省", "province"),
                _name(24, "市", "city"),
                Column("区县", "district", limit=24),
                _name(200, "地址", "address"),
                Column("经度", "lng", "degrees", required=True),
                Column("纬度", "lat", "degrees", required=True),
                _choice("坐标系", "system", SYSTEMS, default="GCJ-02"),
                Column("电话", "phone", "phone", required=True, limit=24),
                Column("营业时间", "hours", "hours", limit=2000),
                Column("服务", "services", "services", limit=80),
                Column("照片", "photo", "picture", limit=200),
                _choice("状态", "status", DEALER_STATUSES, default="营业"),
            ),
        ),
        Sheet(
            rules.DEALS,
            rules.DealRow,
            (
                _slug(),
                _slug("车款编号", "trim"),
                _name(80, "标题", "title"),
                Column("一口价元", "price_fen", "price", required=True),
                _choice("款项类型", "earnest_kind", EARNEST_KINDS, required=True),
                Column("订金元", "earnest_fen", "price", required=True),
                Column("台数", "units_total", "count", required=True, limit=10_000_000),
                Column("每人限购", "per_person", "count", default=1, limit=1000),
                Column("开始时间", "starts_at", "start", required=True),
                Column("结束时间", "ends_at", "end", required=True),
                Column("参与门店", "dealers", "slugs", default=None),
                Column("说明", "terms", limit=5000),
                Column("未售罄转候补", "queue_when_sold_out", "flag", default=False, aliases=("售罄转候补",)),
                Column("包含", "included", "lines", limit=2000),
                Column("不包含", "excluded", "lines", limit=2000),
                Column("确认时限小时", "confirm_hours", "count", default=24, limit=240),
                Column("备车天数", "ready_days", "count", default=30, limit=365),
                Column("尾款开始", "balance_starts_at", "start", default=None),
                Column("尾款结束", "balance_ends_at", "end", default=None),
                Column("门店台数", "dealer_units", "dealer_units", default=(), limit=10_000_000),
            ),
        ),
        Sheet(
            rules.CAMPAIGNS,
            rules.CampaignRow,
            (
                _slug(),
                _name(80, "标题", "title"),
                _choice("类型", "kind", _words(CouponKind), required=True),
                Column("面值元", "face_fen", "money", default=None),
                Column("折扣", "discount_permille", "discount", default=None),
                Column("门槛元", "threshold_fen", "money", default=0),
                Column("发放总量", "total", "count", required=True, limit=100_000_000),
                Column("每人限领", "per_person", "count", default=1, limit=1000),
                _choice("领取方式", "way", _words(ClaimWay), required=True),
                Column("口令", "passphrase", limit=40),
                Column("领取开始", "claim_from", "start", required=True),
                Column("领取结束", "claim_until", "end", required=True),
                Column("有效期", "valid", "validity", default=rules.Validity()),
                Column("适用车系", "series", "slugs", default=None),
                Column("适用门店", "dealers", "slugs", default=None),
                _choice("使用场景", "usage", _words(Usage), default=Usage.ANYWHERE.value),
                Column("可叠加", "stackable", "flag", default=False),
                Column("规则", "terms", limit=5000),
                Column("最高抵扣元", "most_fen", "price", default=None),
                Column("单份成本元", "worth_fen", "money", default=None),
                Column("每人每日限领", "per_day", "count", default=None, limit=1000),
                Column("每日总量", "daily_total", "count", default=None, limit=100_000_000),
                Column("渠道", "channels", "channels", limit=120),
                _choice("适用范围", "scope", tuple(word for word in _words(Scope) if word)),
                Column("叠加组", "stack_group", limit=20),
                Column("不与一口价同享", "alone", "flag", default=False),
                Column("优先级", "priority", "position", default=100),
                _choice("承担方", "payer", _words(Payer), default=Payer.HEADQUARTERS.value),
                Column("门店承担比例", "dealer_permille", "percent", default=0),
                Column("摇中概率", "shake_permille", "percent", default=None),
                Column("距店米", "near_m", "count", default=None, limit=100_000),
                Column("状态", "state", "state", default=CampaignState.PUBLISHED.value),
            ),
        ),
    )
}
