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


class PaymentBusy(DomainError):
    code = "payment_busy"
    message = "上一次付款正在向微信支付确认，请稍等几秒再试，请勿重复付款。"


class NeedsWeChatLogin(DomainError):
    code = "needs_wechat_login"
    message = "在微信里付款需要先用微信登录，也可以改用扫码支付。"


class ReasonMissing(DomainError):
    code = "refund_reason_missing"
    message = "请写明处理结果，至少 4 个字，例如“已在商户平台转账给客户”。"
    field = "reason"


class NotStuck(DomainError):
    code = "refund_not_stuck"
    message = "这笔退款现在不需要人工处理，请刷新查看最新状态。"


class CardWrong(DomainError):
    code = "card_wrong"
    message = "请核对收款银行、银行卡号（8–30 位数字）和户名。"
