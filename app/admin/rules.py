"""One-time codes (RFC 6238: SHA-1, 30 seconds, six digits) and the limits of the operators' login."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import quote

STEP_SECONDS = 30
DRIFT_STEPS = 1
MAX_TRIES = 5
LOCK = timedelta(minutes=15)
SESSION_LIFE = timedelta(hours=12)
MIN_PASSWORD = 12
SECRET_BYTES = 20


def one_time_code(secret: str, step: int) -> str:
    """The six digits of a time step (seconds since 1970 divided by 30)."""
    mac = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = mac[-1] & 15
    return f"{(int.from_bytes(mac[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The step whose code this is, at most one step away from now; None when it is wrong."""
    present = int(now.timestamp()) // STEP_SECONDS
    found: int | None = None
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        if hmac.compare_digest(one_time_code(secret, step).encode(), code.encode()):
            found = step
    return found


def encode_secret(raw: bytes) -> str:
    """A secret as authenticator apps take it."""
    return base64.b32encode(raw).decode()


def otpauth_uri(secret: str, login: str, issuer: str = "展厅后台") -> str:
    """The address behind the QR code that an authenticator app scans."""
    return f"otpauth://totp/{quote(issuer)}:{quote(login)}?secret={secret}&issuer={quote(issuer)}"
