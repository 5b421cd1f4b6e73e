"""Refusals of the back office."""

from app.core.errors import DomainError


class LoginFailed(DomainError):
    """Wrong name, password or one-time code, a used code, a locked account: the answer does not tell which."""

    code = "operator_login_failed"
    message = "账号、密码或动态码不对。连续错误 5 次将锁定 15 分钟，动态码每个只能用一次。"


class LoginTaken(DomainError):
    code = "operator_exists"
    message = "这个账号已经存在，请换一个名字。"
    field = "login"


class PasswordWeak(DomainError):
    code = "operator_password_weak"
    message = "密码至少 12 个字符。"
    field = "password"
