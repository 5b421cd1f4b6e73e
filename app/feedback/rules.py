"""Words, limits and states of the feedback. Pure."""

import re
from enum import StrEnum
from typing import Final

MAX_TEXT: Final = 500
MAX_CONTACT: Final = 60
MAX_ANSWER: Final = 1000
MIN_TEXT: Final = 2
TOPIC_KIND: Final = "form"
KINDS: Final = {
    "problem": "页面有问题",
    "price": "价格或信息不对",
    "idea": "建议",
    "complaint": "投诉",
    "other": "其他",
}
# These say enough with the page they are about: 这个页面有问题.
SILENT_KINDS: Final = frozenset({"problem", "price"})
DEFAULT_KIND: Final = "problem"
KIND_WORDS: Final = {**KINDS, TOPIC_KIND: "专题登记"}
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{16}")


class State(StrEnum):
    """处理状态"""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


STATE_WORDS: Final = {State.OPEN: "待处理", State.ANSWERED: "已回复", State.CLOSED: "已关闭"}
# What the person who wrote is told.
OWN_WORDS: Final = {State.OPEN: "已收到，正在处理", State.ANSWERED: "已回复", State.CLOSED: "已处理完毕"}


def clean_text(text: str) -> str:
    """What was typed without control characters and without more than one empty line in a row."""
    kept = "".join(c for c in text.replace("\r\n", "\n") if c.isprintable() or c == "\n" or c in "\u200d\ufe0f")
    return re.sub(r"\n{3,}", "\n\n", kept).strip()


def may_be_silent(kind: str, page: str) -> bool:
    """Whether a message of this kind about this page says something useful without a word."""
    return kind in SILENT_KINDS and bool(clean_page(page))


def said(kind: str, text: str) -> str:
    """What a message says in lists and on its page, also when it says only what it is about."""
    return text or f"{KIND_WORDS.get(kind, kind)}（没有写文字）"


def clean_contact(text: str) -> str:
    """One line."""
    return " ".join("".join(c for c in text if c.isprintable()).split())


def clean_page(path: str) -> str:
    """A path of this shop, as text that is only shown; empty for anything else."""
    fits = path.startswith("/") and not path.startswith("//") and len(path) <= 400 and path.isprintable()
    return path if fits else ""


def clean_request_id(text: str) -> str:
    """The id that a page was answered with; empty for anything else."""
    return text if _REQUEST_ID.fullmatch(text) else ""
