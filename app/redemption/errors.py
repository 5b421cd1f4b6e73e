"""Refusals at the counter. `screen` is the colour of the full-screen answer; `code` is kept with the failed scan."""

from datetime import datetime
from typing import Protocol

from app.core.errors import DomainError
from app.core.money import format_yuan


class Refused(DomainError):
    screen = "invalid"


class Unreadable(Refused):
    code = "code_unreadable"
    screen = "needs"
    message = (
        "请扫客户手机上的取车码或券码；手动输入时，请填 6 位数字码（或预订单号、券号）和客户手机号后四位。"
        "客户没有留手机号的，请填券号和 6 位数字码。"
    )


class PaymentCode(Refused):
    code = "payment_code"
    message = "这是付款或收款码，未做任何处理。请让客户打开“我的卡券”或预订页，出示其中的二维码。"


class WeChatCode(Refused):
    code = "wechat_code"
    message = "这是微信自己的码（名片、公众号或微信卡券），不能在这里核销。请让客户打开“我的卡券”或预订页出示。"


class ForeignCode(Refused):
    code = "foreign_code"
    message = "这不是本品牌的码，系统没有打开它。请让客户打开“我的卡券”或预订页出示。"


class OtherPage(Refused):
    code = "other_page"
    message = "这是领券、看车或邀请用的二维码，不是核销码。请让客户打开“我的卡券”或预订页出示。"


class UnknownCode(Refused):
    code = "code_unknown"
    message = "没有找到对应的券或预订。请让客户刷新页面后重新出示，或核对数字和手机号后四位。"


class OldCode(Refused):
    code = "code_old"
    message = "这个码已过期（每 60 秒更换一次，截图无效）。请让客户刷新页面后重新出示。"


class OwnCode(Refused):
    code = "scan_own"
    message = "这是您本人的券或预订，不能由自己核销。请让同事核销。"


class WrongStoreScan(Refused):
    code = "scanned_at_another_store"

    def __init__(self, right_store: str) -> None:
        super().__init__(f"这笔预订在{right_store}，不能在本店办理。请引导客户前往该店。")


class WrongStoreCoupon(Refused):
    code = "scan_wrong_store"

    def __init__(self, where: str) -> None:
        super().__init__(f"此券仅限{where}使用。客户可改约到店，券不会因此失效。")


class Redeemed(Protocol):
    """The redemption that stands: which, whose, when."""

    @property
    def id(self) -> int: ...
    @property
    def staff_id(self) -> int: ...
    @property
    def at(self) -> datetime: ...


class Used(Refused):
    """Redeemed before; `by` is the redemption at a counter, if it was one."""

    screen = "used"
    by: Redeemed | None = None


class JustDone(Refused):
    """What this very clerk redeemed a moment ago: its answer may have been lost. `receipt` leads to it."""

    code = "scan_just_done"
    screen = "used"

    def __init__(self, when: str, receipt: int) -> None:
        super().__init__(f"{when} 刚由您办理成功，不用再扫一次。")
        self.receipt = receipt


class AlreadyHandedOver(Used):
    code = "already_handed_over"

    def __init__(self, when: str, where: str, who: str, by: Redeemed | None = None) -> None:
        self.by = by
        super().__init__(f"已于{when}在{where}由{who}办理交车，如有疑问请联系该店店长。")


class AlreadyUsed(Used):
    code = "scan_used"

    def __init__(self, when: str, where: str, who: str, by: Redeemed | None = None) -> None:
        self.by = by
        super().__init__(f"已于{when}在{where}由{who}核销，不能再次使用。如有疑问请联系该店店长。")


class NotRedeemable(Refused):
    code = "not_redeemable"

    def __init__(self, state_words: str) -> None:
        super().__init__(f"这笔预订目前是「{state_words}」，不能交车。请让客户打开预订页核对。")


class CouponExpired(Refused):
    code = "scan_expired"

    def __init__(self, when: str) -> None:
        super().__init__(f"此券有效期到{when}，已经过期。请让客户在“我的卡券”查看其他可用的券。")


class CouponRevoked(Refused):
    code = "scan_revoked"

    def __init__(self, reason: str) -> None:
        super().__init__(f"此券已失效{f'（{reason}）' if reason else ''}，不能核销。如有疑问请联系总部。")


class CouponNotYet(Refused):
    code = "scan_not_yet"
    screen = "needs"

    def __init__(self, when: str) -> None:
        super().__init__(f"此券从{when}起可用，现在还不能核销。")


class CouponHeld(Refused):
    code = "scan_held"
    screen = "needs"

    def __init__(self, booking_no: str) -> None:
        which = f" {booking_no}" if booking_no else ""
        super().__init__(f"此券已用于预订{which}，会随该笔预订使用。取消该预订后，券会退回客户的卡券。")


class CouponOnlineOnly(Refused):
    code = "scan_online_only"
    screen = "needs"
    message = "此券仅限线上预订时使用，不在门店核销。请让客户在预订页选用此券。"


class CouponOfNobody(Refused):
    code = "scan_of_nobody"
    message = "持券的账号已注销，此券不能核销。"


class NotUsable(Refused):
    code = "scan_not_usable"


class BelowThreshold(DomainError):
    code = "scan_below_threshold"
    field = "bill"

    def __init__(self, threshold_fen: int, bill_fen: int) -> None:
        missing = format_yuan(threshold_fen - bill_fen)
        super().__init__(f"此券满 {format_yuan(threshold_fen)} 可用，还差 {missing}。请核对消费金额。")


class BillMissing(DomainError):
    code = "scan_bill_missing"
    field = "bill"
    message = "请填写客户这次的消费金额（元），例如 3280。"


class ScannedIntoField(DomainError):
    code = "scanned_into_field"
    message = "这里扫进了一个二维码。请先返回，再扫下一位客户。"


class TooManyTries(Refused):
    code = "too_many_tries"
    message = "手动输入次数过多，请 10 分钟后再试，或直接扫客户的二维码。"
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


class DaysWrong(DomainError):
    code = "export_days_wrong"
    message = "请选择开始和结束日期，结束不早于开始，最长 31 天。"
