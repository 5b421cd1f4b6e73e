"""Refusals of the leads."""

from app.core.errors import DomainError, NotFound


class LeadNotFound(NotFound):
    code = "lead_not_found"
    message = "没有找到这条询价或线索，请从列表中重新打开。"


class CarUnknown(DomainError):
    code = "car_unknown"
    message = "这款车已经下架，请另选一款车再询价。"
    field = "trim"


class NoStoreChosen(DomainError):
    code = "no_store_chosen"
    message = "请选择 1 到 3 家门店。"
    field = "dealers"


class StoreUnavailable(DomainError):
    code = "store_unavailable"
    message = "有一家门店现在不接受询价，请重新选择门店。"
    field = "dealers"


class TooManyEnquiries(DomainError):
    code = "too_many_enquiries"
    message = "今天的询价次数已用完，请明天再试，或直接致电门店。"
    status = 429


class TooManyOpen(DomainError):
    code = "too_many_open"
    message = "您同时进行的询价较多，请先结束不再需要的询价。"


class AddressBusy(DomainError):
    code = "address_busy"
    message = "这个网络今天的询价较多，请换一个网络，或明天再试。"
    status = 429


class TextMissing(DomainError):
    code = "text_missing"
    message = "请写一句话再发送。"
    field = "body"


class NumberInText(DomainError):
    code = "number_in_text"
    message = "文字里有手机号，发出后收不回来。请点“让这家门店看到我的号码”，可以随时收回。"
    field = "body"


class TooManyMessages(DomainError):
    code = "too_many_messages"
    message = "消息发得太多了，请过一会儿再发。"
    field = "body"


class WaitForCustomer(DomainError):
    code = "wait_for_customer"
    message = "已连续发了 3 条，请等客户回复后再发，以免打扰。"
    field = "body"


class LeadEnded(DomainError):
    code = "lead_ended"
    message = "这条询价已经结束，不能再操作。"


class StepWrong(DomainError):
    code = "step_wrong"
    message = "线索状态已变化，请刷新后再操作。"


class EndingMissing(DomainError):
    code = "ending_missing"
    message = "请选择关闭原因。"
    field = "reason"


class PriceWrong(DomainError):
    code = "price_wrong"
    message = "请填写报价，单位元，例如 165800。"
    field = "price"


class PriceUnlikely(DomainError):
    code = "price_unlikely"
    message = "报价与厂商指导价相差太大，请核对后再填。"
    field = "price"


class ContentsMissing(DomainError):
    code = "contents_missing"
    message = "落地价须包含购置税、交强险、车船税和上牌，请补选，或改报裸车价。"
    field = "included"


class DateWrong(DomainError):
    code = "date_wrong"
    message = "有效期请选今天起 60 天以内的日期。"
    field = "valid_until"


class PhoneNotProved(DomainError):
    code = "lead_phone_not_proved"
    message = "请先验证手机号，再让门店看到。"
    field = "phone"


class NameMissing(DomainError):
    code = "name_missing"
    message = "请填写怎么称呼您。"
    field = "name"


class ConsentMissing(DomainError):
    code = "consent_missing"
    message = "请勾选同意，门店才能看到您的号码。"
    field = "share"


class TextChanged(DomainError):
    code = "text_changed"
    message = "同意内容刚刚更新，请重新阅读后再点一次。"


class ContactWithheld(DomainError):
    code = "contact_withheld"
    message = "客户没有提供号码，或已经收回。请在页面里留言。"
    status = 403


class TimeWrong(DomainError):
    code = "lead_time_wrong"
    message = "请选择今天起 30 天内、门店营业时间里的时间。"
    field = "wanted"


class NowhereToMove(DomainError):
    code = "nowhere_to_move"
    message = "没有其他合适的门店可以转派。"


class OwnChoice(DomainError):
    code = "lead_own_choice"
    message = "门店已停止营业，已请客户自己改选门店，不能代为转派。"


class ReasonMissing(DomainError):
    code = "lead_reason_missing"
    message = "请填写原因。"
    field = "reason"


class PromiseWrong(DomainError):
    code = "promise_wrong"
    message = "承诺时间请填 1 到 24 小时。"
    field = "hours"
