"""Refusals of the store codes and calls."""

from app.core.errors import DomainError


class CarMissing(DomainError):
    code = "store_code_car_missing"
    message = "请选择这个码对应的车款。"
    field = "trim"


class ColourUnknown(DomainError):
    code = "store_code_colour_unknown"
    message = "这款车没有这个外观颜色，请从参考颜色里选择，或留空。"
    field = "colour"


class VinUnreadable(DomainError):
    code = "store_code_vin_unreadable"
    message = "车架尾号是 4 到 6 位字母或数字，例如 2086；不确定可以留空。"
    field = "vin_tail"


class ConsultantMissing(DomainError):
    code = "store_code_consultant_missing"
    message = "请选择这张名片属于哪位顾问（只能选本店在职人员）。"
    field = "staff"


class CampaignMissing(DomainError):
    code = "store_code_campaign_missing"
    message = "请选择海报上的优惠券活动（只能选本店可用、可以直接领取、扫码或摇一摇领取的活动）。"
    field = "campaign"


class CodeRetired(DomainError):
    """Nothing can be changed about paper that was declared void."""

    code = "store_code_retired"
    message = "这个码已停用，不能再修改。请新建一个码。"
    status = 409


class NobodyOnDuty(DomainError):
    code = "nobody_on_duty"
    message = "现在没有顾问登记值班，叫不到人。请到前台，或拨打门店电话。"


class TooManyCalls(DomainError):
    code = "too_many_calls"
    message = "店里正在等候的人比较多，顾问都在接待。请到前台，或过几分钟再试。"


class AlreadyAnswered(DomainError):
    """Somebody else is on the way."""

    code = "call_already_answered"
    message = "已有同事过去了，不用再去。"
    status = 409

    def __init__(self, name: str = "") -> None:
        super().__init__(f"{name}已经过去了，不用再去。" if name else None)


class CallOver(DomainError):
    code = "call_over"
    message = "这次呼叫已经结束（客户取消或超时）。"
    status = 409
