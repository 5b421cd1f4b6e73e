"""What was scanned or typed, who may undo what and for how long. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from app.core.ids import as_typed

TICKET_LIFE = timedelta(minutes=5)
CLERK_UNDO = timedelta(seconds=30)
SUPERVISOR_UNDO = timedelta(minutes=10)
OFFICE_UNDO = timedelta(days=30)  # so long headquarters may take a coupon's redemption back
JUST_NOW = SUPERVISOR_UNDO  # so long a clerk who scans again is told that it was their own
TAIL_DIGITS = 4
TYPED_TRIES = 20
TYPED_WINDOW = timedelta(minutes=10)
OLD_CODE_MINUTES = 48 * 60  # how far back an old code is told from a wrong one: yesterday's screenshot, too
SUPERVISORS = ("supervisor", "manager")
FOUND_DAYS = 30  # how far back the last four of a phone are looked for
EXPORT_DAYS = 31

_PATH = re.compile(r"^/r/(?P<token>[A-Z0-9.]{8,64})$")
_TOKEN = re.compile(r"^[BC][A-Z0-9]{8,40}\.[A-Z2-7]{16}$")
_BOOKING = re.compile(r"^B[0-9]{6}[A-Z0-9]{10}$")
_COUPON = re.compile(r"^[2-9A-HJKMNP-TV-Z]{8,16}$")  # core.ids has no 0 O 1 I L U
_DIGITS = re.compile(r"^[0-9]{6}$")
_TAIL = re.compile(r"^[0-9]{4}$")
_PAYMENT = re.compile(r"^(1[0-5][0-9]{16}|(2[5-9]|30)[0-9]{14,22})$")  # WeChat's 付款码, Alipay's
_ADDRESS = re.compile(r"^([a-z][a-z0-9+.\-]*://|www\.)", re.IGNORECASE)
_WECHAT = re.compile(r"(^|\.)(weixin\.qq\.com|wechat\.com|wx\.qq\.com)$")
_MONEY = re.compile(r"^wxp://|^alipays?://|^https://qr\.(alipay|95516)\.com/", re.IGNORECASE)


class Kind(StrEnum):
    TOKEN = "token"  # noqa: S105 (a word, not a secret)
    DIGITS = "digits"
    BOOKING = "booking"
    COUPON = "coupon"
    PAYMENT = "payment"
    WECHAT = "wechat"
    FOREIGN = "foreign"
    OTHER_PAGE = "other_page"
    UNREADABLE = "unreadable"


TYPED = (Kind.DIGITS, Kind.BOOKING, Kind.COUPON)


@dataclass(frozen=True, slots=True)
class Scan:
    """What stands in the field after a scan or a typed code.

    `tail` is the last four digits of the phone; beside a number it may be the six digits shown on the customer's page.
    """

    kind: Kind
    value: str
    tail: str = ""

    @property
    def typed(self) -> bool:
        """Whether a person typed it, so that tries are counted."""
        return self.kind in TYPED


def read_scan(code: str, tail: str = "", own_host: str = "") -> Scan:
    """Make sense of the field: a code's address, a bare token, six digits, a number; or what else it is.

    An address is only ever looked at, never followed. With `own_host`, a code of another shop is told as such.
    """
    text = code.strip()
    if _ADDRESS.match(text):
        return _read_address(text, own_host)
    if _TOKEN.match(text):
        return Scan(Kind.TOKEN, text)
    plain, end = as_typed(text), as_typed(tail)
    if _PAYMENT.match(plain):
        return Scan(Kind.PAYMENT, "")
    typed = _typed_kind(plain)
    if typed and (_TAIL.match(end) or (typed is not Kind.DIGITS and _DIGITS.match(end))):
        return Scan(typed, plain, end)
    if not typed and len(plain) > 9 and plain.isascii() and plain.isdecimal():
        return Scan(Kind.FOREIGN, "")  # a bar code of goods, a card of another shop
    return Scan(Kind.UNREADABLE, plain[:40], end[:8])


def is_living(text: str) -> bool:
    """Whether a field of its own (a receipt's number, an amount) holds what only a scanner types."""
    return bool(_TOKEN.match(text.strip()) or _ADDRESS.match(text.strip()))


def _typed_kind(plain: str) -> Kind | None:
    if _DIGITS.match(plain):
        return Kind.DIGITS
    if _BOOKING.match(plain):
        return Kind.BOOKING
    return Kind.COUPON if _COUPON.match(plain) and not plain.isdecimal() else None


def _read_address(text: str, own_host: str) -> Scan:
    if _MONEY.match(text):
        return Scan(Kind.PAYMENT, "")
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        netloc = parts.netloc.lower()
    except ValueError:  # no address at all, whatever it begins with
        return Scan(Kind.FOREIGN, "")
    if parts.scheme == "weixin" or _WECHAT.search(host):
        return Scan(Kind.WECHAT, "")
    match = _PATH.match(parts.path)
    own = netloc == own_host.lower() if own_host else match is not None
    if not own:
        return Scan(Kind.FOREIGN, "")
    if match and _TOKEN.match(match["token"]):
        return Scan(Kind.TOKEN, match["token"])
    return Scan(Kind.OTHER_PAGE, "")


def may_undo(*, role: str, own: bool, same_dealer: bool, redeemed_at: datetime, undone: bool, now: datetime) -> bool:
    """A clerk their own for 30 seconds, a supervisor any of the store for 10 minutes."""
    if undone or not same_dealer:
        return False
    age = now - redeemed_at
    return (own and age <= CLERK_UNDO) or (role in SUPERVISORS and age <= SUPERVISOR_UNDO)


def may_undo_late(*, kind: str, redeemed_at: datetime, undone: bool, now: datetime) -> bool:
    """Headquarters a coupon's for 30 days. A car that was handed over is no click to take back."""
    return kind == "coupon" and not undone and now - redeemed_at <= OFFICE_UNDO


def needs_reason(*, own: bool, redeemed_at: datetime, now: datetime) -> bool:
    """A slip of the thumb needs no words, anything later does."""
    return not own or now - redeemed_at > CLERK_UNDO
