"""The account's access token and JS-SDK ticket: fetched once for all workers, healed once when refused."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from app.core import clock
from app.core.errors import GatewayError
from app.gateways.wechat.port import PROVIDER, TokenStore

# invalid credential, invalid token, expired token
STALE_TOKEN_CODES = frozenset({"40001", "40014", "42001"})
# WeChat answers with the same token until five minutes before its end, then old and new live side by side.
MARGIN_SECONDS = 300
# Longer than a fetch can take with its time limits (token, forced token, ticket).
CLAIM_SECONDS = 30
POLL_SECONDS = 0.05

T = TypeVar("T")
Fetched = tuple[str, int]


class SharedSecrets:
    """Reads values from the store and fetches what is missing. `fetch` answers (value, seconds it lives).

    Of all processes one fetches, the others wait for its result; a claim that a killed process left ends by itself.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        # Threads of one process wait for each other without asking the database again and again.
        self._lock = threading.Lock()

    def current(self, key: str, fetch: Callable[[], Fetched]) -> str:
        """The shared value under `key`, fetched if there is none or its time is up."""
        if (value := self._fresh(key)) is not None:
            return value
        with self._lock:
            return self._fetch_once(key, fetch, lambda value: True)

    def instead_of(self, key: str, refused: str, fetch: Callable[[], Fetched]) -> str:
        """A value other than the one WeChat refused: another worker's, or a newly fetched one."""
        with self._lock:
            return self._fetch_once(key, fetch, lambda value: value != refused)

    def _fetch_once(self, key: str, fetch: Callable[[], Fetched], good: Callable[[str], bool]) -> str:
        deadline = time.monotonic() + CLAIM_SECONDS
        while True:
            value = self._fresh(key)
            if value is not None and good(value):
                return value
            now = clock.now()
            until = now + timedelta(seconds=CLAIM_SECONDS)
            if self._store.claim(key, now, until):
                return self._fetch_claimed(key, fetch, good, until)
            if time.monotonic() > deadline:
                raise GatewayError(PROVIDER, "busy", "another process is fetching", retryable=True)
            time.sleep(POLL_SECONDS)

    def _fetch_claimed(
        self, key: str, fetch: Callable[[], Fetched], good: Callable[[str], bool], until: datetime
    ) -> str:
        try:
            # Whoever held the claim before may have brought what we are after.
            value = self._fresh(key)
            if value is not None and good(value):
                return value
            stored = self._store.get(key)
            return self._swap(key, stored[0] if stored else None, *fetch())
        finally:
            self._store.release(key, until)

    def _fresh(self, key: str) -> str | None:
        stored = self._store.get(key)
        return stored[0] if stored and stored[1] > clock.now() else None

    def _swap(self, key: str, old: str | None, new: str, lives: int) -> str:
        usable = max(lives - MARGIN_SECONDS, lives // 2)
        if self._store.replace(key, old, new, clock.now() + timedelta(seconds=usable)):
            return new
        # Somebody was faster. Both values live, and the stored one is what everybody else uses.
        return self._fresh(key) or new


def retry_once_if_stale(call: Callable[[str], T], token: str, renew: Callable[[str], str]) -> T:
    """Call with the token; if WeChat calls it stale, call once more with a new one. The second answer stands."""
    try:
        return call(token)
    except GatewayError as exc:
        if exc.provider != PROVIDER or exc.code not in STALE_TOKEN_CODES:
            raise
    return call(renew(token))
