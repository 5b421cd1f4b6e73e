"""Who acts, what a route demands, codes that live a minute."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

ActorKind = Literal["visitor", "member", "staff", "operator", "system"]
Access = Literal["public", "member", "staff", "admin", "signed"]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Actor:
    """The person or process that acts. Services take it, so that rooms below `staff` can authorise too."""

    kind: ActorKind
    id: int | None = None
    role: str = ""
    dealer_id: int | None = None
    member_id: int | None = None  # who staff are as customers: nobody redeems what is their own


SYSTEM = Actor("system")
VISITOR = Actor("visitor")


def access(level: Access) -> Callable[[F], F]:
    """Say who may call a view. Every route carries exactly one of these; the factory enforces it.

    `signed` is for notices that authenticate by signature, which also excuses them from CSRF.
    """

    def mark(view: F) -> F:
        view.__access__ = level  # pyright: ignore[reportFunctionMemberAccess]
        return view

    return mark


def constant_time_equal(left: str, right: str) -> bool:
    """Compare secrets without telling by time where they differ."""
    return hmac.compare_digest(left.encode(), right.encode())


def fingerprint(secret: str, purpose: str, value: str) -> str:
    """A keyed digest for looking up a secret without keeping it (64 hex letters)."""
    return hmac.new(secret.encode(), f"{purpose}:{value}".encode(), hashlib.sha256).hexdigest()


STEP_SECONDS = 60
GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class LivingCode:
    """活码: what a phone shows for one minute. `token` goes into the QR code, `digits` are read aloud."""

    token: str
    digits: str
    expires_at_epoch: int


def living_code(secret: str, kind: str, reference: str, now: datetime) -> LivingCode:
    """The code of a booking or coupon at this minute; server-made, so a screenshot dies with its minute."""
    window = int(now.timestamp()) // STEP_SECONDS
    mac = _mac(secret, kind, reference, window)
    return LivingCode(f"{kind}{reference}.{_tag(mac)}", _digits(mac), (window + 1) * STEP_SECONDS)


def check_living_token(secret: str, token: str, now: datetime) -> tuple[str, str] | None:
    """(kind, reference) of a scanned token, or None when malformed, forged or older than its grace."""
    head, dot, tag = token.strip().partition(".")
    if not dot or len(head) < 2 or len(token) > 64 or not token.isascii():
        return None
    kind, reference = head[0], head[1:]
    for mac in _current_macs(secret, kind, reference, now):
        if constant_time_equal(_tag(mac), tag):
            return kind, reference
    return None


def check_living_digits(secret: str, kind: str, reference: str, digits: str, now: datetime) -> bool:
    """Whether six digits read aloud belong to this thing at this minute (or within the grace)."""
    good = [constant_time_equal(_digits(mac), digits) for mac in _current_macs(secret, kind, reference, now)]
    return any(good)


def _current_macs(secret: str, kind: str, reference: str, now: datetime) -> list[bytes]:
    seconds = int(now.timestamp())
    window = seconds // STEP_SECONDS
    windows = [window]
    if seconds % STEP_SECONDS < GRACE_SECONDS:
        windows.append(window - 1)
    return [_mac(secret, kind, reference, w) for w in windows]


def _mac(secret: str, kind: str, reference: str, window: int) -> bytes:
    return hmac.new(secret.encode(), f"living:{kind}:{reference}:{window}".encode(), hashlib.sha256).digest()


def _tag(mac: bytes) -> str:
    return base64.b32encode(mac[:10]).decode()


def _digits(mac: bytes) -> str:
    return f"{int.from_bytes(mac[10:18], 'big') % 1_000_000:06d}"
