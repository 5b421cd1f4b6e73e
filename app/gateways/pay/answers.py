"""What WeChat Pay's answers mean: the JSON of a good one, a typed error for every other."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import requests

from app.core.errors import GatewayError
from app.gateways.pay.port import PROVIDER, BillNotReady, OrderClosed, OrderNotFound, OrderPaid
from app.gateways.transport import loads_object

# Two generations of documents spell codes with and without underscores; compare without.
_ERRORS: dict[str, type[GatewayError]] = {
    "ORDERPAID": OrderPaid,
    "ORDERCLOSED": OrderClosed,
    "ORDERNOTEXIST": OrderNotFound,
    "RESOURCENOTEXISTS": OrderNotFound,
    "NOSTATEMENTEXIST": BillNotReady,
    "STATEMENTCREATING": BillNotReady,
}
_RETRYABLE = frozenset({"SYSTEMERROR", "BANKERROR", "FREQUENCYLIMITED", "FREQUENCYLIMITEXCEED", "NOTENOUGH"})
_BILL_LATER = frozenset({"NOSTATEMENTEXIST", "STATEMENTCREATING"})

Reply = tuple[int, str | bytes]
T = TypeVar("T")


def ask(call: Callable[[], object]) -> dict[str, Any]:
    """The JSON object of a signed 2xx answer (empty for 204), or a GatewayError raised without the original."""
    try:
        status, content = cast("Reply", call())
    except requests.Timeout:
        error = GatewayError(PROVIDER, "timeout", retryable=True)
    except requests.RequestException as exc:
        error = GatewayError(PROVIDER, "unreachable", type(exc).__name__, retryable=True)
    except Exception as exc:  # the library raises bare Exceptions for unsigned and wrongly signed answers
        error = GatewayError(PROVIDER, "unverified_answer", type(exc).__name__)
    else:
        if 200 <= status < 300:
            return {} if status == 204 else typed(lambda: loads_object(content))
        error = refusal(status, content)
    raise error


def refusal(status: int, content: str | bytes) -> GatewayError:
    """The error in a 4xx or 5xx answer, whatever its body is."""
    try:
        body = loads_object(content)
    except ValueError:
        body = {}
    code, message = body.get("code"), body.get("message")
    code = code if isinstance(code, str) and code else f"http_{status}"
    plain = code.upper().replace("_", "")
    retryable = (status == 429 or status >= 500 or plain in _RETRYABLE) and plain not in _BILL_LATER
    return _ERRORS.get(plain, GatewayError)(PROVIDER, code[:64], str(message or "")[:200], retryable=retryable)


def typed(read: Callable[[], T]) -> T:
    """The value, or bad_answer for an answer that is not what it should be."""
    try:
        return read()
    except ValueError as exc:
        detail = str(exc) if str(exc).isidentifier() else type(exc).__name__
    raise GatewayError(PROVIDER, "bad_answer", detail)
