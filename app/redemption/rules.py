"""What was scanned or typed, who may undo what and for how long. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

BOOKING_KIND = "B"  # first letter of a living token that belongs to a booking

TICKET_LIFE = timedelta(minutes=5)
CLERK_UNDO = timedelta(seconds=30)
SUPERVISOR_UNDO = timedelta(minutes=10)
TYPED_TRIES = 20
TYPED_WINDOW = timedelta(minutes=10)
OLD_CODE_MINUTES = 30  # how far back an old code is told from a wrong one
SUPERVISORS = ("supervisor", "manager")

_IN_ADDRESS = re.compile(r"^https?://[^/\s]+/r/(?P<token>[A-Z0-9.]{8,64})$")
_TOKEN = re.compile(r"^B[A-Z0-9]{8,40}\.[A-Z2-7]{16}$")
_NUMBER = re.compile(r"^B[0-9]{6}[A-Z0-9]{10}$")
_DIGITS = re.compile(r"^[0-9]{6}$")
_TAIL = re.compile(r"^[0-9]{4}$")


class Kind(StrEnum):
    TOKEN = "token"  # noqa: S105 (a word, not a secret)
    DIGITS = "digits"
    NUMBER = "number"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Scan:
    """What stands in the field after a scan or a typed code; `tail` is the last four digits of the phone."""

    kind: Kind
    value: str
    tail: str = ""

    @property
    def typed(self) -> bool:
        """Whether a person typed it, so that tries are counted."""
        return self.kind is not Kind.TOKEN


def read_scan(code: str, tail: str = "") -> Scan:
    """Make sense of the field: a code's address, a bare token, six digits, a booking number."""
    text = code.strip()
    match = _IN_ADDRESS.match(text)
    token = match["token"] if match else text
    if _TOKEN.match(token):
        return Scan(Kind.TOKEN, token)
    plain, end = re.sub(r"[\s\-]", "", text).upper(), re.sub(r"\s", "", tail)
    if not _TAIL.match(end):
        return Scan(Kind.UNREADABLE, plain[:40], end[:8])
    if _DIGITS.match(plain):
        return Scan(Kind.DIGITS, plain, end)
    if _NUMBER.match(plain):
        return Scan(Kind.NUMBER, plain, end)
    return Scan(Kind.UNREADABLE, plain[:40], end)


def may_undo(*, role: str, own: bool, same_dealer: bool, redeemed_at: datetime, undone: bool, now: datetime) -> bool:
    """A clerk their own for 30 seconds, a supervisor any of the store for 10 minutes."""
    if undone or not same_dealer:
        return False
    age = now - redeemed_at
    return (own and age <= CLERK_UNDO) or (role in SUPERVISORS and age <= SUPERVISOR_UNDO)


def needs_reason(*, own: bool, redeemed_at: datetime, now: datetime) -> bool:
    """A slip of the thumb needs no words, anything later does."""
    return not own or now - redeemed_at > CLERK_UNDO
