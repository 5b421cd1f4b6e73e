"""许愿: what may be wished for, in which words, how often. Pure."""

import re
import unicodedata
from datetime import datetime, timedelta
from enum import StrEnum

from app.coupons.rules.words import ClaimWay, CouponKind

OPEN_AT_ONCE, PER_DAY = 3, 5
SHORTEST, LONGEST = 4, 100
LEAST_HEAD_START, MOST_HEAD_START = 1, 168  # hours
KINDS = tuple(kind.value for kind in CouponKind)
_CONTACT = re.compile(r"\d{7,}|https?:|www\.|@|微信号|加我|加微|vx[:：]|QQ ?[:：]?\d", re.IGNORECASE)
_RUNS = re.compile(r"\s+")


class WishState(StrEnum):
    """`grouped` ones wait for the group's answer; `declined` by headquarters, `withdrawn` by the person."""

    OPEN = "open"
    GROUPED = "grouped"
    ANSWERED = "answered"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


WAITING = (WishState.OPEN, WishState.GROUPED)
WISH_WORDS = {
    WishState.OPEN: "已送达总部",
    WishState.GROUPED: "总部已受理",
    WishState.ANSWERED: "有回音了",
    WishState.DECLINED: "未采纳",
    WishState.WITHDRAWN: "已收回",
}


def clean(text: str) -> str:
    """One plain line: what is written, without control characters."""
    plain = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text))
    return _RUNS.sub(" ", plain).strip()


def problem_of(text: str) -> str | None:
    """What is wrong with a cleaned text, with what to do; None: it may be sent."""
    if len(text) < SHORTEST:
        return f"请写清楚想要什么，至少 {SHORTEST} 个字。"
    if len(text) > LONGEST:
        return f"愿望最多 {LONGEST} 个字，现在是 {len(text)} 个。"
    if _CONTACT.search(unicodedata.normalize("NFKC", text)):
        return "请不要写电话、微信号或网址，总部通过消息回复您。"
    return None


def page_of(slug: str, way: str) -> str:
    """Where somebody who wished for this campaign claims it."""
    return f"/coupons/wishes/new?campaign={slug}" if way == ClaimWay.WISH else f"/coupons/{slug}"


def head_start_end(claim_from: datetime, now: datetime, hours: int) -> datetime:
    """Until when wishers are alone: so many hours from the moment they can claim at all."""
    return max(claim_from, now) + timedelta(hours=hours)
