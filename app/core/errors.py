"""Refusals are sentences with a stable code; failures of a provider are not the shopper's text."""


class DomainError(Exception):
    """A refusal: `code` for logs and tests, `message` a Chinese sentence that says what to do next.

    `field` names the form field the sentence belongs to; `status` is the HTTP answer.
    Raise it, never return it: raising leaves the transaction and undoes it.
    """

    code: str = "refused"
    message: str = "刚才没有成功，请重试。"
    field: str | None = None
    status: int = 422

    def __init__(self, message: str | None = None, *, field: str | None = None, code: str | None = None) -> None:
        self.message = message or type(self).message
        self.field = field or type(self).field
        self.code = code or type(self).code
        super().__init__(f"{self.code}: {self.message}")


class NotFound(DomainError):
    """Absent, or somebody else's: the two are not told apart."""

    code = "not_found"
    message = "没有找到这个页面或订单，请核对后再试。"
    status = 404


class NotAllowed(DomainError):
    code = "not_allowed"
    message = "您没有这项操作的权限，请联系店长或管理员。"
    status = 403


class GatewayError(Exception):
    """A provider did not do what was asked: `provider`, its `code` and a `detail` for the log only."""

    def __init__(self, provider: str, code: str, detail: str = "", *, retryable: bool = False) -> None:
        self.provider, self.code, self.detail, self.retryable = provider, code, detail, retryable
        super().__init__(f"{provider}: {code} {detail}".strip())


class ConfigError(Exception):
    """The deployment is not set up right; the message is for the operator and lists all that is wrong."""
