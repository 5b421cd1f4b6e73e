"""Words of the coupon campaigns, as the workbook spells them."""

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


class Usage(StrEnum):
    """使用场景"""

    ONLINE = "线上"
    IN_STORE = "到店"
    ANYWHERE = "通用"
