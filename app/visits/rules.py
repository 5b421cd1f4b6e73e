"""The touch a browser carries: two visits and a moment, signed; what may be credited to it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from app.core.security import constant_time_equal, fingerprint

LIFE = timedelta(days=7)
SAME_VISIT = timedelta(minutes=30)  # the same code again within this time is the same visit
KEPT = timedelta(days=400)
REF_LENGTH = 12
TAG_LENGTH = 32
Subject = Literal["lead", "drive", "claim", "booking", "tradein"]
SUBJECTS: dict[str, str] = {"lead": "线索", "drive": "试驾", "claim": "领券", "booking": "预订", "tradein": "置换"}

_REF = rf"([2-9A-Z]{{{REF_LENGTH}}})"
_PACKED = re.compile(rf"{_REF}\.{_REF}\.([0-9]{{9,11}})\.([0-9a-f]{{{TAG_LENGTH}}})")
_ROBOT = re.compile(r"bot\b|spider|crawl|slurp|curl/|wget/|python-|okhttp|go-http|scrapy|lighthouse", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Touch:
    """The first and the last visit of this browser's present chain, by their opaque names."""

    first: str
    last: str
    at: datetime


def pack(touch: Touch, secret: str) -> str:
    """As a cookie's value."""
    head = f"{touch.first}.{touch.last}.{int(touch.at.timestamp())}"
    return f"{head}.{_tag(head, secret)}"


def unpack(value: str, secret: str, now: datetime) -> Touch | None:
    """What was packed, unless it is forged, malformed, older than seven days or from tomorrow."""
    found = _PACKED.fullmatch(value) if len(value) < 90 else None
    if found is None or not constant_time_equal(_tag(value.rpartition(".")[0], secret), found[4]):
        return None
    at = datetime.fromtimestamp(int(found[3]), UTC)
    if not at - timedelta(minutes=1) <= now < at + LIFE:
        return None
    return Touch(found[1], found[2], at)


def is_robot(user_agent: str) -> bool:
    """Whether a program says itself that it is no person; those that do not run scripts are not counted anyway."""
    return not user_agent or _ROBOT.search(user_agent) is not None


def _tag(head: str, secret: str) -> str:
    return fingerprint(secret, "touch", head)[:TAG_LENGTH]
