"""Refusals of the members' room."""

from app.core.errors import DomainError


class LoginRefused(DomainError):
    """The answer from WeChat belongs to another browser, or its code to another attempt."""

    code = "login_refused"
    message = "这次登录不是从当前页面发起的，为了您的账号安全没有继续。请重新登录。"
    status = 403


class LoginStale(DomainError):
    """The code died or was used: start again."""

    code = "login_stale"
    message = "登录等待太久，已经失效。请重新登录。"
    status = 409


class SnapshotUser(DomainError):
    """WeChat showed a snapshot page: a virtual person, for whom nothing is created or bound."""

    code = "snapshot_user"
    message = "当前是微信的快照页，只能浏览。请点页面底部的“使用完整服务”后再登录。"
    status = 403


class PhoneInvalid(DomainError):
    code = "phone_invalid"
    message = "请输入 11 位手机号，例如 139 0000 0000。"
    field = "phone"


class CodeTooSoon(DomainError):
    """A code was sent less than a minute ago; `wait_seconds` are left."""

    code = "code_too_soon"
    message = "验证码刚刚发送过，请稍后再获取。"
    field = "phone"

    def __init__(self, wait_seconds: int = 60) -> None:
        self.wait_seconds = wait_seconds
        super().__init__(f"验证码刚刚发送过，{wait_seconds} 秒后可以重新获取。")


class CodeLimited(DomainError):
    code = "code_limited"
    message = "获取验证码的次数太多了，请一小时后再试，或直接致电门店。"
    field = "phone"


class CodeWrong(DomainError):
    """Wrong, expired, used, tried too often or never sent: the answer does not tell which."""

    code = "code_wrong"
    message = "验证码不对或已过期，请核对后重试，或重新获取。"
    field = "code"


class MergeRefused(DomainError):
    code = "merge_refused"
    message = "这两个账号现在不能合并，请联系客服处理。"
    status = 409


class AccountGone(DomainError):
    """The account was joined to another one, or erased, at this very moment."""

    code = "account_gone"
    message = "这个账号刚刚合并到您的另一个账号或已注销，请重新登录后再试。"
    status = 409


class ProofStale(DomainError):
    """The number was proved too long ago to join two accounts by it."""

    code = "proof_stale"
    message = "为了您的账号安全，请重新验证手机号后再合并。"
    status = 409
