"""Public pages are the same for everyone: their headers say so, and each process keeps the ones it has made.

A kept page is good for one `publishing.version()`; every request asks the database for that number, so what is
published in one worker is new at once in all. The store is an ordered dictionary bounded in bytes: a cache library
counts entries, and one that is shared (Redis) costs more per request than rendering saves.
"""

import functools
import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

from app.core import clock, publishing
from app.core.db import db
from app.core.htmx import wants_fragment

View = TypeVar("View", bound=Callable[..., Response])

YEAR = 31536000
PUBLIC = "public, max-age=0, must-revalidate, s-maxage=2, stale-while-revalidate=10"
SCARCE = "public, max-age=0, must-revalidate, s-maxage=1"  # with stock on it: with the second of a crowd two at most
CALM = 4  # so often in a second an address is checked against the database
MAX_BYTES = 8 * 1024 * 1024
MAX_PAGE_BYTES = MAX_BYTES // 16
MAX_VALUE = 200
GZIP_LEVEL = 6
NOT_KEPT = {"content-length", "set-cookie", "x-request-id"}


def public(response: Response) -> Response:
    """Let browsers ask again each time with an ETag, and shared caches carry a crowd for two seconds."""
    _mark(response)
    return cast(Response, response.make_conditional(request))


def forever(response: Response) -> Response:
    """For addresses that change when their content does."""
    response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    return response


def cached_page(*names: str, key: Callable[[], Hashable] | None = None, crowd: bool = False) -> Callable[[View], View]:
    """Keep the 200s of a public view, which returns a plain `render(…)` and depends on nothing but its address.

    `names` are the parameters the view reads: within it `request.args` holds these alone, so no other can fill the
    store or leak into a page. Where most values mean nothing, `key()` says what the given ones come down to.
    A `crowd` costs the database nothing: from the fifth request of an address within one second on, the page that was
    right for the one before is given, so what it says is at most a second old, and a shared cache keeps it one more.
    Use it below `@access("public")`. What changes by itself is a fragment, or says `good_until()` while the page is
    made. The view must not use `request.url` or `request.host`: addresses begin with `settings().public_base_url`.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def answer(*args: Any, **kwargs: Any) -> Response:
            request.args = _known(request.args, names)  # pyright: ignore[reportAttributeAccessIssue]
            store = cast("PageStore", current_app.extensions["page_store"])
            path, given, part = request.path, tuple(request.args.items(multi=True)), wants_fragment()
            asked = (path, given, part)
            now = clock.now()
            if crowd and (page := store.in_a_crowd(asked, now)) is not None:
                return page.response()
            choice = key() if key else given
            address = (path, choice, part)
            number = publishing.peek()
            page = store.find(number, address)
            if page is None:
                db.session.rollback()  # A read begun before the number was asked for might be older than it.
                with publishing.as_of(number):
                    made = view(*args, **kwargs)
                if made.status_code != 200:
                    return made
                page = Page(
                    made.get_data(), _kept_headers(_mark(made, SCARCE if crowd else PUBLIC)), g.get("good_until")
                )
                if not current_app.debug and "Set-Cookie" not in made.headers:
                    store.keep(number, (path, g.get("made_for", choice), part), page)
            if crowd and "Set-Cookie" not in dict(page.headers):
                store.seen(asked, page, now)
            return page.response()

        return cast(View, answer)

    return decorate


def kept_body(number: int, address: Hashable, make: Callable[[], Response]) -> bytes:
    """A body that is the same for everybody while this number is the published one, made once and kept here.

    For answers that are no public page: a refusal that a crowd is given.
    """
    store = cast("PageStore", current_app.extensions["page_store"])
    page = store.find(number, address)
    if page is None:
        page = Page(make().get_data(), [], None)
        store.keep(number, address, page)
    return page.body


def good_until(moment: datetime | None) -> None:
    """The page being made says something that ends then (a window, a schedule): it is made again after it."""
    if moment is not None:
        earlier = g.get("good_until")
        g.good_until = moment if earlier is None else min(earlier, moment)


def made_for(choice: Hashable) -> None:
    """The page being made shows this choice, though `key()` said another a moment ago: it is kept as what it is."""
    g.made_for = choice


@dataclass(slots=True)
class Page:
    """A page as made; compressed when the first browser asks that wants it so."""

    body: bytes
    headers: list[tuple[str, str]]
    until: datetime | None
    gzipped: bytes = field(default=b"")

    @property
    def size(self) -> int:
        # What it will weigh with its compressed twin, about a fifth.
        return len(self.body) * 6 // 5 + 1024

    def response(self) -> Response:
        response = Response(headers=self.headers)
        accepted = request.headers.get("Accept-Encoding", "")
        if "gzip" in accepted and "gzip;q=0" not in accepted:
            if not self.gzipped:
                self.gzipped = gzip.compress(self.body, GZIP_LEVEL, mtime=0)
            response.data = self.gzipped
            response.headers["Content-Encoding"] = "gzip"
        else:
            response.data = self.body
        # Whoever asks without a condition gets it without one being worked out.
        asked = any(name.startswith("HTTP_IF_") for name in request.environ)
        return cast(Response, response.make_conditional(request)) if asked else response


class PageStore:
    """The pages of one process under one published number, the least recently asked for leave first."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_page_bytes: int = MAX_PAGE_BYTES) -> None:
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._lock = threading.Lock()
        self._number = -1
        self._limit, self._page_limit = max_bytes, max_page_bytes
        self._second = 0
        self._asked: dict[Hashable, int] = {}
        self._right: dict[Hashable, Page] = {}
        self.bytes = 0

    def find(self, number: int, address: Hashable) -> Page | None:
        """The page made under this number, unless its time has passed."""
        with self._lock:
            if number != self._number:
                return None
            page = self._pages.get(address)
            if page is None:
                return None
            if page.until is None or clock.now() < page.until:
                self._pages.move_to_end(address)
                return page
            del self._pages[address]
            self.bytes -= page.size
            return None

    def in_a_crowd(self, address: Hashable, now: datetime) -> Page | None:
        """The page that was right within this second, when the address was asked for often in it."""
        with self._lock:
            second = int(now.timestamp())
            if second != self._second:
                self._second = second
                self._asked.clear()
                self._right.clear()
            asked = self._asked[address] = self._asked.get(address, 0) + 1
            page = self._right.get(address) if asked > CALM else None
            return page if page is not None and (page.until is None or now < page.until) else None

    def seen(self, address: Hashable, page: Page, asked_at: datetime) -> None:
        """What is right for an address in the second of asking; a store that keeps nothing keeps none here either."""
        with self._lock:
            if self._limit and int(asked_at.timestamp()) == self._second:
                self._right[address] = page

    def keep(self, number: int, address: Hashable, page: Page) -> None:
        """Keep a page; a new number forgets all that was kept under another."""
        with self._lock:
            if number != self._number:
                self._pages.clear()
                self._number, self.bytes = number, 0
            if page.size > self._page_limit:
                return
            if (old := self._pages.pop(address, None)) is not None:
                self.bytes -= old.size
            self._pages[address] = page
            self.bytes += page.size
            while self.bytes > self._limit:
                self.bytes -= self._pages.popitem(last=False)[1].size

    def __len__(self) -> int:
        return len(self._pages)


def init_app(app: Flask, max_bytes: int = MAX_BYTES) -> None:
    """A store of its own for each app: two shops of one process have two databases. 0 bytes keep nothing."""
    app.extensions["page_store"] = PageStore(max_bytes, max_bytes // 16)


def _mark(response: Response, how: str = PUBLIC) -> Response:
    response.headers["Cache-Control"] = how
    response.vary.update(("HX-Request", "Accept-Encoding"))
    # Weak: the same page compressed is the same page.
    response.add_etag(weak=True)
    return response


def _kept_headers(response: Response) -> list[tuple[str, str]]:
    return [(name, value) for name, value in response.headers.items() if name.lower() not in NOT_KEPT]


def _known(given: MultiDict[str, str], names: tuple[str, ...]) -> ImmutableMultiDict[str, str]:
    """The parameters the view knows, in its own order, none longer than anything it could mean."""
    if not given:
        return ImmutableMultiDict()
    return ImmutableMultiDict([(n, v[:MAX_VALUE]) for n in names for v in given.getlist(n)[:50]])
