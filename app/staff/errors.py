"""Refusals of the staff room."""

from app.core.errors import DomainError


class InvitationInvalid(DomainError):
    code = "invitation_invalid"
    message = "这个邀请链接无效，请让店长重新发送一个。"
    status = 404


class InvitationUsed(DomainError):
    code = "invitation_used"
    message = "这个邀请链接已经被使用过，每个链接只能用一次。请让店长重新发送一个。"
    status = 409


class InvitationExpired(DomainError):
    code = "invitation_expired"
    message = "这个邀请链接已过期或已撤回（3 天内有效）。请让店长重新发送一个。"
    status = 409


class AlreadyStaff(DomainError):
    """One person acts for one store."""

    code = "already_staff"
    message = "您已经是一家门店的工作人员，一个微信号只能绑定一家门店。请先让原门店移除您，再打开这个邀请。"
    status = 409


class NotYourTeam(DomainError):
    code = "not_your_team"
    message = "您不能邀请或移除这个岗位的人员，请联系店长或总部。"
    status = 403


class NotStaff(DomainError):
    code = "not_staff"
    message = "您现在不是门店工作人员。请让店长发送邀请链接，在微信中打开后即可使用。"
    status = 403


class NameMissing(DomainError):
    code = "staff_name_missing"
    message = "请填写姓名，最多 40 个字。"
    field = "name"


class RoleUnknown(DomainError):
    code = "staff_role_unknown"
    message = "请选择岗位。"
    field = "role"


class PinRefused(DomainError):
    """The sentence says what is wrong with it."""

    code = "pin_refused"
    message = "PIN 是 4 到 6 位数字，不能是连号、重复的数字或年份。"
    field = "pin"


class PinWrong(DomainError):
    """The same for a person without a PIN, so that nobody learns who has one."""

    code = "pin_wrong"
    message = "姓名或 PIN 不对，请重试。"
    field = "pin"

    def __init__(self, left: int = 0) -> None:
        super().__init__(f"姓名或 PIN 不对，还可以再试 {left} 次。" if left else None)


class PinLocked(DomainError):
    code = "pin_locked"
    message = "错误次数过多，已锁定 15 分钟。请店长在自己的手机上解锁，或在自己的手机上重设 PIN。"
    field = "pin"


class PhoneLinkInvalid(DomainError):
    code = "phone_link_invalid"
    message = "这个登记链接无效或已过期（10 分钟内有效，只能用一次），请让店长重新生成。"
    status = 404


class PhoneNameMissing(DomainError):
    code = "phone_name_missing"
    message = "请给这部手机起个名字，例如 前台 1 号，最多 40 个字。"
    field = "phone_name"


class OwnPhoneOnly(DomainError):
    """What one may not do on a phone that colleagues pick up."""

    code = "own_phone_only"
    message = "请在自己的手机上办理，公用手机只用于核销和查看。"
    status = 403
