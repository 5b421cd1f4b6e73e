"""The facts that a store may change itself, and the states of what it hands in. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from app.dealers import hours
from app.dealers.promoting import MAX_INTRO, word_breaches

FACTS: Final = {"hours": "营业时间", "phone": "电话", "intro": "门店简介", "photo_id": "照片"}
_DASHES: Final = re.compile(r"[–—−‐‑]")
_PHONE: Final = re.compile(r"1[3-9]\d{9}|[48]00-?\d{3}-?\d{4}|0\d{2,3}-?[1-9]\d{6,7}(?:-\d{1,6})?")


class Kind(StrEnum):
    """What a submission is about."""

    FACTS = "facts"
    ACTIVITY = "activity"
    PROMO = "promo"


class State(StrEnum):
    """waiting → approved | returned | withdrawn."""

    WAITING = "waiting"
    APPROVED = "approved"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


KIND_WORDS: Final = {Kind.FACTS: "门店资料", Kind.ACTIVITY: "门店活动", Kind.PROMO: "本店价"}
STATE_WORDS: Final = {
    State.WAITING: "待审核",
    State.APPROVED: "已通过",
    State.RETURNED: "已退回",
    State.WITHDRAWN: "已撤回",
}


def clean_line(text: str) -> str:
    """One line of what can be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def clean_text(text: str) -> str:
    """Several lines, at most one empty one between two."""
    kept = "".join(c for c in text.replace("\r\n", "\n") if c.isprintable() or c == "\n")
    return re.sub(r"\n{3,}", "\n\n", kept).strip()


def read_phone(text: str) -> str:
    """A store's number as the workbook takes it; ValueError with a Chinese sentence."""
    said = _DASHES.sub("-", "".join(text.split())).removeprefix("+86").removeprefix("-")
    if not _PHONE.fullmatch(said):
        raise ValueError("应为手机号、400 电话或带区号的固定电话，例如 0571-88880000")
    return said


def fact_problems(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(field, sentence) for everything that stands against these new facts."""
    found: list[tuple[str, str]] = []
    if "hours" in content:
        try:
            hours.parse(content["hours"])
        except ValueError as error:
            found.append(("hours", f"{error}。"))
    if "phone" in content:
        try:
            read_phone(content["phone"])
        except ValueError as error:
            found.append(("phone", f"电话{error}。"))
    intro = str(content.get("intro", ""))
    if len(intro) > MAX_INTRO:
        found.append(("intro", f"简介最多 {MAX_INTRO} 个字。"))
    return found + [("intro", str(breach)) for breach in word_breaches(intro)]


def digest_of(*values: Any) -> str:
    """A short mark of what somebody had before their eyes; another one says that it has changed."""
    said = json.dumps(values, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:20]
