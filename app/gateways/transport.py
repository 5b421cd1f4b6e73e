"""How gateways reach providers: always with a time limit, never through a redirect, never telling secrets."""

import json
import logging
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

# Seconds to connect and seconds between two bytes of the answer.
TIMEOUT = (3.0, 5.0)


class TimeLimit(HTTPAdapter):
    """Puts a timeout on every request, because wechatpy sets none: a dead upstream would hang the thread for ever."""

    def __init__(self, timeout: tuple[float, float] = TIMEOUT) -> None:
        self.timeout = timeout
        super().__init__(max_retries=0)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        return super().send(request, *args, **kwargs)


def limit_session(session: requests.Session, timeout: tuple[float, float] = TIMEOUT) -> requests.Session:
    """The session with time limits and no redirects; these APIs never redirect, and their queries carry secrets."""
    quiet_transport_log()
    session.mount("http://", TimeLimit(timeout))
    session.mount("https://", TimeLimit(timeout))
    session.max_redirects = 0
    return session


def quiet_transport_log() -> None:
    """Keep urllib3's debug lines off: they print whole request paths, and WeChat wants the app secret in one."""
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


def never_connected(error: requests.RequestException) -> bool:
    """Whether the request surely never left: the name was not found or the connection was refused."""
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def loads_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object in an untrusted text. ValueError for anything else, also duplicate keys and NaN."""
    try:
        if not isinstance(text, str):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        value: object = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return cast("dict[str, Any]", value)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # Two readers may disagree on which of two equal keys counts, so neither does.
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


# json.loads builds a decoder for each text that wants hooks.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
