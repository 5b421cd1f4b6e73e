"""Refusals of the bookings: what happened and what to do next."""

from app.core.errors import DomainError, NotAllowed


class DealNotRunning(DomainError):
    code = "deal_not_running"
    message = "这个一口价现在不在活动时间内，请看看其他正在进行的一口价。"


class SoldOut(DomainError):
    code = "sold_out"
    message = "刚刚被订完了。有人未付款时名额会释放，可稍后再来看看，或选择其他车款。"


class PriceChanged(DomainError):
    code = "price_changed"
    message = "价格刚刚有变化，已为您更新。请确认新价格后再提交。"


class TermsChanged(DomainError):
    code = "terms_changed"
    message = "预订条款刚刚更新，请重新阅读并勾选后再提交。"
    field = "terms"


class DealerUnavailable(DomainError):
    code = "dealer_unavailable"
    message = "这家门店暂时不能接受预订，请选择其他参与门店。"
    field = "dealer"


class LimitReached(DomainError):
    code = "limit_reached"
    message = "您已达到这个一口价的每人限订台数，可在「我的预订」查看。"


class EarnestBinding(DomainError):
    code = "earnest_binding"
    message = "这笔款项是定金，付款后不支持自行取消。如需协商，请联系您选择的门店。"


class CannotCancel(DomainError):
    code = "cannot_cancel"
    message = "这笔预订现在不能取消，请刷新查看最新状态。"


class PaidMeanwhile(DomainError):
    code = "paid_meanwhile"
    message = "您的付款刚刚到账，预订已生效。如仍要取消，请再次提交，款项将原路退回。"


class PaymentOpen(DomainError):
    code = "payment_open"
    message = "有一笔付款正在进行，请等它结束后再取消。"


class WrongStore(NotAllowed):
    code = "wrong_store"

    def __init__(self, right_store: str) -> None:
        super().__init__(f"这笔预订只能在{right_store}办理，请引导客户前往该店。")


class NotReadyForHandOver(DomainError):
    code = "not_ready_for_hand_over"
    message = "这笔预订还不能交车，请核对状态后再试。"
