"""The pre-login cookie: which trips to WeChat this browser has under way. Signed, so that a GET need not write."""

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from app.core import ids
from app.members import rules

KEEP = 3


@dataclass(frozen=True, slots=True)
class Trip:
    """One trip to WeChat and back: `next` is where it leads, `back` where a refusal returns to.

    `loops` counts restarts. `profile` asks the person for picture and name, after a tap, when signed in already.
    """

    state: str
    next: str
    back: str
    started: int
    loops: int = 0
    profile: bool = False

    def expired(self, now: datetime) -> bool:
        return now.timestamp() - self.started > rules.LOGIN_LIFE.total_seconds()


@dataclass(frozen=True, slots=True)
class Trips:
    """`browser` is the secret that tells this browser from one with a leaked code."""

    browser: str
    under_way: tuple[Trip, ...] = field(default=())

    def find(self, state: str) -> Trip | None:
        return next((trip for trip in self.under_way if state and trip.state == state), None)

    def started(
        self, next_path: str, back_path: str, now: datetime, loops: int = 0, *, profile: bool = False
    ) -> tuple["Trips", Trip]:
        """These trips with a new one; the oldest gives way."""
        trip = Trip(ids.token(16), next_path, back_path, int(now.timestamp()), loops, profile)
        return replace(self, under_way=(trip, *self.under_way[: KEEP - 1])), trip


def dump(trips: Trips, secret: str) -> str:
    return _serializer(secret).dumps([trips.browser, [list(asdict(trip).values()) for trip in trips.under_way]])


def load(value: str | None, secret: str) -> Trips:
    """The trips of a cookie; a fresh browser for none, a forged or a foreign one."""
    if value:
        try:
            data: Any = _serializer(secret).loads(value)
            return Trips(data[0], tuple(Trip(*row) for row in data[1]))
        except (BadSignature, TypeError, IndexError, ValueError):
            return Trips(ids.token(16))
    return Trips(ids.token(16))


def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="wechat-login")
