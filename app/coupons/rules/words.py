"""Words of the coupons: those of the workbook as it spells them, and the states with what people read."""

from enum import StrEnum


class CouponKind(StrEnum):
    """类型"""

    CASH = "代金券"
    DISCOUNT = "折扣券"
    PICKUP = "提货券"
    PARKING = "停车券"
    SERVICE = "服务券"


class ClaimWay(StrEnum):
    """领取方式"""

    DIRECT = "直接领取"
    PASSPHRASE = "口令"  # noqa: S105 (the name of a way to claim)
    SCAN = "扫码"
    SHAKE = "摇一摇"
    WISH = "许愿"
    DRAW = "夺券"
    NEW_MEMBER = "新会员"
    STAFF = "店员发放"


class Channel(StrEnum):
    """领取渠道: over what a coupon was got. A printed code follows after a colon: 海报码:7F3K9Q2M."""

    PAGE = "页面"
    CODE = "海报码"
    STORE_CODE = "门店码"
    STAFF = "店员"
    LIST = "名单"


class Usage(StrEnum):
    """使用场景"""

    ONLINE = "线上"
    IN_STORE = "到店"
    ANYWHERE = "通用"


class Scope(StrEnum):
    """适用范围: what a coupon takes money off. Only one for cars lowers a booking; in the store the clerk reads it."""

    UNSAID = ""
    CAR = "整车"
    ACCESSORIES = "精品"
    WORKSHOP = "售后"


class Payer(StrEnum):
    """承担方"""

    HEADQUARTERS = "总部"
    DEALER = "门店"
    SHARED = "共担"


class CampaignState(StrEnum):
    """Whether headquarters let a campaign run; its windows are judged besides."""

    DRAFT = "draft"
    PUBLISHED = "published"
    PAUSED = "paused"
    ENDED = "ended"


class CouponState(StrEnum):
    """`issued` covers a coupon whose validity is over until the job marks it: validity is judged at use."""

    ISSUED = "issued"
    HELD = "held"  # by a booking
    REDEEMED = "redeemed"
    REVOKED = "revoked"
    EXPIRED = "expired"


STATE_WORDS = {
    CouponState.ISSUED: "待使用",
    CouponState.HELD: "已用于预订",
    CouponState.REDEEMED: "已使用",
    CouponState.REVOKED: "已失效",
    CouponState.EXPIRED: "已过期",
}

# What the trail of a campaign says was done.
AUDIT_WORDS = {
    "campaign_created": "新建", "campaign_copied": "复制", "campaign_edited": "修改", "campaign_rehearsed": "预演",
    "campaign_published": "发布", "campaign_paused": "暂停", "campaign_resumed": "恢复", "campaign_ended": "结束",
}  # fmt: skip
