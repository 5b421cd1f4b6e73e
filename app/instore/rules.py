"""Kinds of store codes, how a code is signed, what a call may become."""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from app.core.ids import ALPHABET
from app.core.security import constant_time_equal

BODY, TAG = 8, 4
LENGTH = BODY + TAG
CALL_LIFE = timedelta(minutes=5)
ANSWERED_LIFE = timedelta(minutes=30)
CHECK_IN_LIFE = timedelta(minutes=60)
CALL_LINKED, CALL_KEPT = timedelta(days=30), timedelta(days=91)  # with its visit and wish; as a number of the traffic
FAR_M = 1000.0  # a sticker read so far from its store may be somebody else's
NEAR_TEXT, WIFI_TEXT, NOTE_TEXT, LABEL_TEXT, REASON_TEXT = 80, 63, 120, 40, 80


class Kind(StrEnum):
    """What a code stands on."""

    CAR = "car"
    DESK = "desk"
    POSTER = "poster"
    DRIVE = "drive"
    SERVICE = "service"
    PARKING = "parking"
    CARD = "card"


KIND_WORDS = {
    Kind.CAR: "展车",
    Kind.DESK: "前台",
    Kind.POSTER: "海报",
    Kind.DRIVE: "试驾台",
    Kind.SERVICE: "售后工位",
    Kind.PARKING: "停车",
    Kind.CARD: "顾问名片",
}
# What the paper says the code does, in the shopper's words.
PROMISES = {
    Kind.CAR: ("扫码看这台车", "配置、本店今日价、落地价，也可以叫顾问、约试驾"),
    Kind.DESK: ("扫码签到", "签到、看可用的券、连 Wi-Fi，也可以叫顾问"),
    Kind.POSTER: ("扫码领券", "看规则、领到手机里，到店出示"),
    Kind.DRIVE: ("扫码办试驾", "预约、现场登记、查看今天的试驾"),
    Kind.SERVICE: ("扫码找服务顾问", "叫服务顾问、看可用的服务券"),
    Kind.PARKING: ("扫码停车到店", "告诉店里您到了，看停车券"),
    Kind.CARD: ("扫码联系顾问", "看顾问是否在店，在店里可以请他过来"),
}
FREE_WORDS = "无需登录，无需关注，不收集手机号"


class Stock(StrEnum):
    """现车 of a display car."""

    READY = "ready"
    DISPLAY = "display"
    BOOKED = "booked"
    SOLD = "sold"


STOCK_WORDS = {Stock.READY: "现车可售", Stock.DISPLAY: "展车", Stock.BOOKED: "已被预订", Stock.SOLD: "已售出"}


class CallKind(StrEnum):
    CALL = "call"
    CHECK_IN = "check_in"


# Of one store at a time: calls that somebody must answer within minutes, and people who only said that they are here.
MOST_OPEN = {CallKind.CALL: 12, CallKind.CHECK_IN: 80}
CALL_WORDS = {CallKind.CALL: "叫顾问", CallKind.CHECK_IN: "签到"}


class CallState(StrEnum):
    WAITING = "waiting"
    ANSWERED = "answered"
    DONE = "done"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


OPEN = (CallState.WAITING, CallState.ANSWERED)


@dataclass(frozen=True, slots=True)
class CodeDraft:
    """What a store says of one of its codes."""

    kind: Kind
    label: str
    trim_slug: str = ""
    colour: str = ""
    vin_tail: str = ""
    stock: Stock = Stock.DISPLAY
    staff_id: int | None = None
    campaign_slug: str = ""
    wifi_name: str = ""
    wifi_password: str = ""
    note: str = ""


def sign(secret: str, body: str) -> str:
    """The whole code: eight unguessable letters and four that prove it is one of ours."""
    mac = hmac.new(secret.encode(), f"store-code:{body}".encode(), sha256).digest()
    number = int.from_bytes(mac[:8], "big")
    tag = ""
    for _ in range(TAG):
        number, rest = divmod(number, len(ALPHABET))
        tag += ALPHABET[rest]
    return body + tag


def plain(text: str) -> str:
    """A code however it was typed: small letters, groups."""
    return "".join(text.split()).replace("-", "").upper()


def is_signed(secret: str, code: str) -> bool:
    """Whether a code was made here; asks nobody."""
    if len(code) != LENGTH or not set(code) <= set(ALPHABET):
        return False
    return constant_time_equal(sign(secret, code[:BODY]), code)


def groups(code: str) -> str:
    """ABCD 2345 WXYZ, to be read aloud and typed."""
    return " ".join(code[i : i + 4] for i in range(0, len(code), 4))


def state_at(state: str, expires_at: datetime, now: datetime) -> CallState:
    """What a call is at this moment: a waiting one that nobody answered in time is over."""
    known = CallState(state)
    return CallState.EXPIRED if known in OPEN and expires_at <= now else known


def life_of(kind: CallKind) -> timedelta:
    """How long somebody waits before we say that nobody came."""
    return CALL_LIFE if kind is CallKind.CALL else CHECK_IN_LIFE


def new_secret(random_hex: str) -> str:
    """What codes are signed with, as text for its row."""
    return base64.b32encode(bytes.fromhex(random_hex)).decode().rstrip("=")
