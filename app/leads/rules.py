"""What holds for leads without asking anybody: states, promises, dispatch, quotes, limits, words."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.core.money import format_yuan
from app.dealers.hours import Hours, open_state

MOST_STORES = 3
NOTE_LENGTH, BODY_LENGTH, CONDITIONS_LENGTH, REASON_LENGTH = 300, 500, 200, 120
KINDS = {"price": "免号询价", "call": "请门店回电", "inspection": "旧车检测"}
SOURCES = {
    "series": "车型页",
    "enquiry": "询价页",
    "deal": "一口价页",
    "coupon": "券页",
    "store": "门店页",
    "code": "店内码",
    "trade-in": "置换",
    "home": "首页",
}

# 承诺: hours of the store's opening time; what a store has not set itself.
PROMISE_HOURS, MOST_PROMISE_HOURS = 2, 24
STEP = timedelta(minutes=15)
LOOK_AHEAD = timedelta(days=14)
# After so many promises without an answer a request goes on to another store by itself.
MOVE_AFTER = 3

# Limits of one person and of one address; a phone network puts many people behind one.
PER_DAY, PER_ADDRESS_DAY = 6, 60
OPEN_AT_ONCE = 8
MEMBER_PER_HOUR, STORE_UNANSWERED = 30, 3
TRY_LIFE = timedelta(days=2)
CONTACT_AFTER_ORDER = timedelta(days=30)
QUOTE_DAYS = 60
WANTED_DAYS = 30
CLOSED_WORDS = "已停止营业"


class LeadState(StrEnum):
    NEW = "new"
    CALLED = "called"
    VISITING = "visiting"
    TEST_DRIVE = "test_drive"
    ORDERED = "ordered"
    CLOSED = "closed"
    STOPPED = "stopped"
    MOVED = "moved"


OPEN = (LeadState.NEW, LeadState.CALLED, LeadState.VISITING, LeadState.TEST_DRIVE)
STEPS: dict[LeadState, tuple[LeadState, ...]] = {
    LeadState.NEW: (LeadState.CALLED, LeadState.VISITING, LeadState.TEST_DRIVE, LeadState.ORDERED, LeadState.CLOSED),
    LeadState.CALLED: (LeadState.VISITING, LeadState.TEST_DRIVE, LeadState.ORDERED, LeadState.CLOSED),
    LeadState.VISITING: (LeadState.TEST_DRIVE, LeadState.ORDERED, LeadState.CLOSED),
    LeadState.TEST_DRIVE: (LeadState.ORDERED, LeadState.CLOSED),
}
STAFF_WORDS = {
    LeadState.NEW: "待联系",
    LeadState.CALLED: "已联系",
    LeadState.VISITING: "已到店",
    LeadState.TEST_DRIVE: "已试驾",
    LeadState.ORDERED: "已成交",
    LeadState.CLOSED: "已关闭",
    LeadState.STOPPED: "勿扰",
    LeadState.MOVED: "已转派",
}
MEMBER_WORDS = {
    LeadState.NEW: "已提交",
    LeadState.CALLED: "顾问已联系",
    LeadState.VISITING: "已到店",
    LeadState.TEST_DRIVE: "已到店试驾",
    LeadState.ORDERED: "已成交",
    LeadState.CLOSED: "已关闭",
    LeadState.STOPPED: "已关闭（您要求停止联系）",
    LeadState.MOVED: "已转其他门店",
}
EVENT_WORDS = {
    "opened": "线索进来",
    "number_given": "客户提供号码",
    "number_taken_back": "客户收回号码",
    "number_opened": "查看号码",
    "number_exported": "随名单导出",
    "quoted": "报价",
    "quote_taken_back": "撤回报价",
    "escalated": "超时升级",
    "taken": "接手",
    "displaced": "门店停业，已请客户改选",
    "restored": "门店恢复营业",
    **{str(state): words for state, words in STAFF_WORDS.items() if state != "new"},
}
LEVEL_WORDS = {0: "", 1: "已超时，已通知店长", 2: "已超时，总部处理"}
ENDINGS = ("暂不购车", "已购其他品牌", "联系不上", "重复线索", "其他")

INCLUDED = {
    "tax": "购置税",
    "compulsory": "交强险",
    "vehicle_tax": "车船税",
    "commercial": "商业险",
    "plate": "上牌服务",
    "delivery": "出库/运输费",
    "gift": "精品礼包",
    "upkeep": "保养",
}
# 落地价 is what the car costs on the road: without these it would not be one.
LANDING_NEEDS = ("tax", "compulsory", "vehicle_tax", "plate")
QUOTE_WORDS = {"bare": "裸车价", "landing": "落地价"}

CONSENT_VERSION = "lead-2026-11"
_NUMBER = re.compile(r"1[3-9]\d{9}(?!\d)")
_GAPS = re.compile(r"(?<=\d)[\s\-·.,，。_/、*()（）]+(?=\d)")
_HAN = str.maketrans("零〇一二三四五六七八九幺两", "0012345678912")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def sharing_text(dealer: str, kind: str) -> str:
    """What the person agrees to when one store may see the number; the store is named, nobody else gets it."""
    purpose = {"price": "就本次询价与我联系", "call": "给我回电", "inspection": "安排旧车检测"}[kind]
    return (
        f"我同意把我的姓名和手机号提供给{dealer}，只用于{purpose}，并记入厂商的线索系统。"
        "不提供给其他门店。我可以随时收回，收回后门店立即看不到号码。"
    )


def may_contact(state: str, state_at: datetime, now: datetime) -> bool:
    """Whether the store still needs the number: while it works on the request, and a month after an order."""
    return state in OPEN or (state == LeadState.ORDERED and now - state_at < CONTACT_AFTER_ORDER)


def can_go(state: str, to: str) -> bool:
    """Whether the store may record this step next. What has ended, or is not to be disturbed, stays so."""
    return LeadState(to) in STEPS.get(LeadState(state), ())


def answer_by(hours: Hours, start: datetime, promise_hours: int) -> datetime:
    """Until when an answer is promised: so many hours in which the store is open, from a Shanghai wall time.

    Counted in quarters of an hour. A store whose hours are unknown, or that does not open within two weeks, is given
    the hours of the clock.
    """
    left = timedelta(hours=promise_hours)
    if not hours.known:
        return start + left
    moment = start
    while moment < start + LOOK_AHEAD:
        if open_state(hours, moment).open:
            left -= STEP
            if left <= timedelta(0):
                return moment + STEP
        moment += STEP
    return start + timedelta(hours=promise_hours)


# ---- dispatch ----


@dataclass(frozen=True, slots=True)
class Candidate:
    """A store as the dispatch sees it: how far, what waits there, what it promised, and whether it kept to it."""

    dealer_id: int
    distance_m: float | None
    waiting: int
    overdue: int
    promise_hours: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A store with the reason: `reason` for the person, `record` what is kept, which says no exact distance."""

    dealer_id: int
    cost_km: float
    reason: str
    record: str


PER_WAITING_KM, PER_OVERDUE_KM, PER_HOUR_KM = 2, 10, 1


def dispatch(candidates: Iterable[Candidate]) -> list[Choice]:
    """Every store in the order in which it should get the request, the best first.

    What counts is the way, and that an answer comes: each request that waits there counts like 2 km more, each that is
    overdue like 10 km, each promised hour like 1 km. Without a place the way is the same to all. Equal stores keep
    the order of their numbers, so that the same question has the same answer.
    """
    return sorted((_choice(one) for one in candidates), key=lambda choice: (choice.cost_km, choice.dealer_id))


def _choice(one: Candidate) -> Choice:
    way = (one.distance_m or 0.0) / 1000
    cost = way + PER_WAITING_KM * one.waiting + PER_OVERDUE_KM * one.overdue + PER_HOUR_KM * one.promise_hours
    words = [f"承诺 {one.promise_hours} 小时内回复", f"待回复 {one.waiting} 条"]
    words += [f"超时 {one.overdue} 条"] if one.overdue else []
    exact = [f"距离 {way:.1f}km"] if one.distance_m is not None else []
    coarse = [_band(way)] if one.distance_m is not None else []
    return Choice(one.dealer_id, round(cost, 2), "，".join(exact + words), "，".join(coarse + words))


def _band(way_km: float) -> str:
    """How far, so coarsely that three stores do not tell where somebody is."""
    return next((f"{band}km 以内" for band in (10, 30, 100) if way_km <= band), "100km 以外")


# ---- quotes ----


@dataclass(frozen=True, slots=True)
class Offer:
    """A quote as the comparison sees it."""

    lead_id: int
    kind: str
    price_fen: int
    included: frozenset[str]
    valid_until: date


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may honestly be said of one quote beside the others: `lowest` only among quotes that mean the same."""

    expired: bool
    lowest: bool
    sentence: str


def compare(offers: Sequence[Offer], today: date) -> dict[int, Verdict]:
    """A verdict for each quote, by lead.

    Prices are set against each other only where kind and contents are the same and both still hold; else it is said
    what differs.
    """
    living = [offer for offer in offers if offer.valid_until >= today]
    return {offer.lead_id: _verdict(offer, living, today) for offer in offers}


def _verdict(offer: Offer, living: Sequence[Offer], today: date) -> Verdict:
    if offer.valid_until < today:
        return Verdict(True, False, "报价已过期，不参与比较，可请门店重新报价。")
    others = [other for other in living if other.lead_id != offer.lead_id]
    same = [other for other in others if (other.kind, other.included) == (offer.kind, offer.included)]
    if not others:
        return Verdict(False, False, "")
    if not same:
        return Verdict(False, False, _difference(offer, others))
    cheapest = min(other.price_fen for other in same)
    if offer.price_fen > cheapest:
        return Verdict(False, False, f"同口径报价中高 {format_yuan(offer.price_fen - cheapest)}。")
    word = "与另一家相同。" if offer.price_fen == cheapest else f"低 {format_yuan(cheapest - offer.price_fen)}。"
    return Verdict(False, offer.price_fen < cheapest, f"同口径报价中{word}")


def _difference(offer: Offer, others: Sequence[Offer]) -> str:
    if all(other.kind != offer.kind for other in others):
        return f"这是{QUOTE_WORDS[offer.kind]}，其他是{QUOTE_WORDS[others[0].kind]}，口径不同，不能直接比较。"
    alike = [other for other in others if other.kind == offer.kind]
    more = {key for key in offer.included if all(key not in other.included for other in alike)}
    less = {key for key in INCLUDED if key not in offer.included and all(key in other.included for other in alike)}
    words = [f"多含{'、'.join(INCLUDED[k] for k in INCLUDED if k in more)}"] if more else []
    words += [f"不含{'、'.join(INCLUDED[k] for k in INCLUDED if k in less)}"] if less else []
    return f"包含的项目不同（{'，'.join(words) or '各有增减'}），不能只看数字。"


def missing_for_landing(kind: str, included: Iterable[str]) -> list[str]:
    """What a 落地价 must include and does not, in words."""
    given = set(included)
    return [INCLUDED[key] for key in LANDING_NEEDS if key not in given] if kind == "landing" else []


# ---- words ----


def clean(text: str, limit: int) -> str:
    """Plain text of several lines: no control characters, no empty lines at the ends, bounded."""
    kept = "".join(c for c in text.replace("\r\n", "\n").replace("\r", "\n") if c == "\n" or c.isprintable())
    return kept.strip()[:limit].strip()


def holds_number(text: str) -> bool:
    """Whether a mobile number stands in a text, however it is spaced or spelled: what cannot be taken back again."""
    plain = unicodedata.normalize("NFKC", text).translate(_HAN)
    return _NUMBER.search(_GAPS.sub("", plain)) is not None


def alias(mark: str) -> str:
    """What a store calls somebody whose name it does not know."""
    return f"客户 {mark[:4]}"


def marked_name(name: str, mark: str) -> str:
    """A name as one store sees it: with the mark in the same cell, so that whoever copies the one takes the other."""
    return f"{name or '客户'}·{mark}"


def csv_cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = " ".join(str(value).split("\x00")).replace("\r", " ").replace("\n", " ")
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text
