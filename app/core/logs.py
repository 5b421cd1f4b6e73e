"""Logs as JSON lines with the request's id; secrets and personal data are masked on their way out."""

import functools
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_KEYS = re.compile(r"openid|phone|token|secret|code$|authorization|signature|ticket|prepay|password", re.I)
_PHONE_LENGTH = 11
_PHONE = re.compile(r"(?<!\d)(?:86|0086)?1[3-9]\d{9}(?!\d)")
# PostgreSQL quotes the values of the row it refused.
_QUOTED_ROW = re.compile(r"\b(DETAIL|CONTEXT): .*?(?=\n\n|\n\[SQL|\Z)", re.S)


@functools.lru_cache(1024)
def _is_secret(key: str) -> bool:
    return _SECRET_KEYS.search(key) is not None and key != "error_code"


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask values by the name of their key, and phone numbers wherever they stand."""
    for key, value in event.items():
        if _is_secret(key):
            event[key] = "***"
        elif isinstance(value, str) and len(value) >= _PHONE_LENGTH:
            event[key] = _PHONE.sub("1**********", _QUOTED_ROW.sub(r"\1: ***", value) if key == "exception" else value)
    return event


def configure(production: bool) -> None:
    """Send structured lines to stderr."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            redact,  # after the traceback became text, so that it is masked too
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=production,
    )
    # Libraries that print what they send or read stay silent, whatever level somebody gives the root logger.
    for name in ("wechatpayv3", "urllib3", "wechatpy", "werkzeug", "sqlalchemy", "sqlalchemy.engine", "PIL"):
        logging.getLogger(name).setLevel(logging.WARNING)
