"""The code on the clerk's screen by which a walk-in follows the drive on the own phone; good for ten minutes."""

from datetime import datetime

from app.core.security import constant_time_equal, fingerprint

WINDOW = 600


def join_token(secret: str, no: str, now: datetime) -> str:
    """What goes into the address of the QR code."""
    return f"{no}.{_tag(secret, no, int(now.timestamp()) // WINDOW)}"


def check_join_token(secret: str, token: str, now: datetime) -> str | None:
    """The drive's number, or None for a token that is old or none of ours."""
    no, _, tag = token.partition(".")
    if not tag.isascii():
        return None
    window = int(now.timestamp()) // WINDOW
    good = [constant_time_equal(tag, _tag(secret, no, w)) for w in (window, window - 1)]
    return no if any(good) else None


def _tag(secret: str, no: str, window: int) -> str:
    return fingerprint(secret, "drive-join", f"{no}:{window}")[:20]
