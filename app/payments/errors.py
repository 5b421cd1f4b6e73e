"""Refusals of the payments."""

from app.core.errors import DomainError


class NothingDue(DomainError):
    code = "nothing_due"
    message = "这笔订单现在无需付款，请刷新查看最新状态。"


class HoldTooShort(DomainError):
    code = "hold_too_short"
    message = "保留时间不足 1 分钟，已不能发起付款。名额释放后可重新预订。"


class AlreadyPaid(DomainError):
    code = "already_paid"
    message = "这笔订单已经付款，请勿重复支付。请刷新查看结果。"


class RefundTooLarge(DomainError):
    code = "refund_too_large"
    message = "退款合计不能超过已付金额。"
