"""Refusals of the bookings: what happened and what to do next."""

from app.core.errors import DomainError, NotAllowed


class DealNotRunning(DomainError):
    code = "deal_not_running"
    message = "这个一口价现在不在活动时间内，请看看其他正在进行的一口价。"


class SoldOut(DomainError):
    code = "sold_out"
    message = "刚刚被订完了。有人未付款时名额会释放，可稍后再来看看，或选择其他车款。"


class SoldOutQueue(SoldOut):
    message = "刚刚被订完了。您可以回到一口价页面加入候补，有名额时按先后顺序为您保留 24 小时。"


class DealerSoldOut(DomainError):
    code = "dealer_sold_out"
    message = "这家门店已没有可订的台数，其他参与门店还有，请换一家门店。"
    field = "dealer"


class DealPaused(DomainError):
    code = "deal_paused"
    message = "这个一口价暂停预订，恢复后可以继续。已有的预订和候补都为您保留。"


class OfferOver(DomainError):
    code = "offer_over"
    message = "为您保留的名额已到期或已用掉，请回到一口价页面查看。"


class OfferElsewhere(DomainError):
    code = "offer_elsewhere"
    message = "为您保留的这台车在另一家门店，请选择页面上写明的门店。"
    field = "dealer"


class NoQueue(DomainError):
    code = "no_queue"
    message = "这个一口价没有候补，请看看其他正在进行的一口价。"


class NotSoldOut(DomainError):
    code = "not_sold_out"
    message = "现在还有名额，不用候补，可以直接预订。"


class PhoneNotProved(DomainError):
    code = "phone_not_proved"
    message = "请先验证手机号，门店才能联系到您。"


class CouponsStale(DomainError):
    code = "coupons_stale"
    message = "优惠券或价格刚刚有变化，请核对下面的新价格后再确认。"


class HoldOver(DomainError):
    code = "hold_over"
    message = "保留时间已过，不能再延长。如果还有名额，可以重新预订。"


class AlreadyExtended(DomainError):
    code = "already_extended"
    message = "保留时间只能延长一次，请在结束前完成付款。"


class TooManyHolds(DomainError):
    code = "too_many_holds"
    message = "当前网络下未付款的预订较多，请换成手机流量，或几分钟后再试。"


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


class PhoneLimitReached(LimitReached):
    code = "phone_limit"
    message = "这个手机号已达到这个一口价的限订台数。如需帮助，请联系门店。"


class EarnestBinding(DomainError):
    code = "earnest_binding"
    message = "这笔款项是定金，付款后不支持自行取消。如有特殊情况，可以在预订页提交申请，由总部核实。"


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


class PromiseMissed(DomainError):
    code = "promise_missed"

    def __init__(self, what: str, when: str) -> None:
        super().__init__(f"{what}的期限（{when}）已过，系统正在为客户全额退款，不能再办理。如有疑问请联系总部。")


class CannotNow(DomainError):
    code = "cannot_now"

    def __init__(self, state: str) -> None:
        super().__init__(f"这笔预订目前是「{state}」，不能做这一步。请刷新查看最新状态。")


class ConfirmFirst(DomainError):
    code = "confirm_first"
    message = "请先确认这笔预订，再办理这一步。"


class TimeWrong(DomainError):
    code = "time_wrong"
    message = "请选择日期和时间。"
    field = "at"


class NothingProposed(DomainError):
    code = "nothing_proposed"
    message = "没有等待答复的到店时间，请刷新查看。"


class TimeChanged(DomainError):
    code = "time_changed"
    message = "提议的时间刚刚改了，请看清新的时间再同意。"


class VinWrong(DomainError):
    code = "vin_wrong"
    field = "vin"


class VinTaken(DomainError):
    code = "vin_taken"
    message = "这台车已分配给另一笔预订，一台车只能分配一次。请核对车架号。"
    field = "vin"


class NoCarYet(DomainError):
    code = "no_car_yet"
    message = "请先填写车架号，分配车辆后再标记备好。"


class LeadOnly(NotAllowed):
    code = "lead_only"
    message = "这一步需要店长或经销商管理员办理。"


class NoShowTooEarly(DomainError):
    code = "no_show_too_early"

    def __init__(self, when: str | None) -> None:
        since = f"最早{when}可以登记" if when else "客户还没有约定到店时间，车也还没有备好"
        super().__init__(f"现在不能登记未到店：{since}。")


class AnswerFirst(DomainError):
    code = "answer_first"

    def __init__(self, when: str) -> None:
        super().__init__(f"客户想改约{when}到店，门店还没有答复，不能登记未到店。请先同意，或另提一个时间。")


class ContactClosed(DomainError):
    code = "contact_closed"
    message = "预订已结束，客户的姓名和手机号不再提供给门店。如需联系客户，请通过总部。"


class ContactWithdrawn(DomainError):
    code = "contact_withdrawn"
    message = "客户已撤回向本店提供姓名和手机号的同意，请在本页提议到店时间，客户会收到通知。"


class ReasonNeeded(DomainError):
    code = "reason_needed"
    message = "请写明情况，至少 4 个字，例如“约定时间未到，电话未接”。"
    field = "reason"


class DocumentWrong(DomainError):
    code = "document_wrong"
    field = "document"


class DocumentUsed(DomainError):
    code = "document_used"
    message = "这个单据号已登记在另一笔预订上，请核对。"
    field = "document"


class BalanceSettled(DomainError):
    code = "balance_settled"

    def __init__(self, how: str) -> None:
        super().__init__(f"余款已付清（{how}），请勿重复收款。")


class BalanceEarly(DomainError):
    code = "balance_early"

    def __init__(self, when: str) -> None:
        super().__init__(f"余款从{when}起支付，还没有到时间。")


class BalanceOver(DomainError):
    code = "balance_over"
    message = "支付余款的时间已过，请联系门店。"


class NeedsApproval(DomainError):
    code = "needs_approval"
    message = "全款已付、车已备好，取消需要总部审核，请提交申请。"


class CaseWordsMissing(DomainError):
    code = "case_words_missing"
    message = "请写明情况，至少 4 个字。"
    field = "reason"


class DisputeUseless(DomainError):
    code = "dispute_useless"
    message = "这笔预订没有已付的款项，不需要申请。可以直接取消或重新预订。"


class TooManyDisputes(DomainError):
    code = "too_many_disputes"
    message = "这笔预订的申请已多次答复。如仍有异议，请联系客服或拨打 12315。"


class CaseClosed(DomainError):
    code = "case_closed"

    def __init__(self, verdict: str = "已处理", when: str = "刚才") -> None:
        super().__init__(f"这件事{when}{verdict}，请刷新查看结果。")


class CaseProblem(DomainError):
    code = "case_problem"
    message = "请核对金额和单据号。"


class ChangeRefused(DomainError):
    code = "change_refused"
    message = "这笔预订现在不能更改，请刷新查看最新状态。"


class ChangeStale(DomainError):
    code = "change_stale"
    message = "您查看之后情况有变化，已为您更新。请确认新的内容后再提交。"


class ShareNeeded(DomainError):
    code = "share_needed"
    message = "新门店需要您的姓名和手机号才能办理，请勾选同意。"
    field = "share"


class ChangedMeanwhile(DomainError):
    code = "changed_meanwhile"
    message = "这项内容刚刚已被更改，请核对新的内容后再提交。"


class UnitsWrong(DomainError):
    code = "units_wrong"
    field = "units"


class NothingToCorrect(DomainError):
    code = "nothing_to_correct"
    message = "没有可以更正的记录，请刷新查看最新状态。"


class AlreadyStarted(DomainError):
    code = "already_started"
    message = "这个一口价已经开始或已经结束，不用再设提醒了。"


class ReviewClosed(DomainError):
    code = "review_closed"
    message = "交车之后才能评价，每笔预订只评价一次。"


class ColourGone(DomainError):
    code = "colour_gone"
    message = "这个颜色刚刚停售，请选择其他颜色或到店选择。"
    field = "colour"
