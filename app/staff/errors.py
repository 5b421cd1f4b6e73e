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
    message = "这个邀请链接已过期（3 天内有效）。请让店长重新发送一个。"
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
    message = "您还不是门店工作人员。请让店长发送邀请链接，在微信中打开后即可使用。"
    status = 403


class NameMissing(DomainError):
    code = "staff_name_missing"
    message = "请填写姓名，最多 40 个字。"
    field = "name"


class RoleUnknown(DomainError):
    code = "staff_role_unknown"
    message = "请选择岗位。"
    field = "role"
