"""Refusals at the counter. `screen` is the colour of the full-screen answer."""

from app.core.errors import DomainError


class Refused(DomainError):
    screen = "invalid"


class Unreadable(Refused):
    code = "code_unreadable"
    screen = "needs"
    message = "请扫客户手机上的取车码；手动输入时，请填 6 位数字码（或预订单号）和预订手机号后四位。"


class UnknownCode(Refused):
    code = "code_unknown"
    message = "没有找到对应的预订。请让客户刷新取车码后重试，或核对手机号后四位。"


class OldCode(Refused):
    code = "code_old"
    message = "这个码已过期（每 60 秒更换一次）。请让客户刷新页面后重新出示。"


class WrongStoreScan(Refused):
    code = "scanned_at_another_store"

    def __init__(self, right_store: str) -> None:
        super().__init__(f"这笔预订在{right_store}，不能在本店办理。请引导客户前往该店。")


class AlreadyHandedOver(Refused):
    code = "already_handed_over"
    screen = "used"

    def __init__(self, when: str, where: str, who: str) -> None:
        super().__init__(f"已于{when}在{where}由{who}办理交车，如有疑问请联系该店店长。")


class NotRedeemable(Refused):
    code = "not_redeemable"

    def __init__(self, state_words: str) -> None:
        super().__init__(f"这笔预订目前是「{state_words}」，不能交车。请让客户打开预订页核对。")


class TooManyTries(Refused):
    code = "too_many_tries"
    message = "手动输入次数过多，请 10 分钟后再试，或直接扫客户的取车码。"
    status = 429


class TicketStale(Refused):
    code = "ticket_stale"
    screen = "needs"
    message = "核对页已过期，请重新扫码后再确认。"


class CannotUndo(DomainError):
    code = "cannot_undo"
    message = "已超过可撤销的时间，或不是您办理的。请联系店长处理。"


class ReasonMissing(DomainError):
    code = "reason_missing"
    message = "请填写撤销原因。"
    field = "reason"
