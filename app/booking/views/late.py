"""Somebody comes too late: told at once, from what is kept, before anything is locked or checked."""

from flask import Response, current_app, session

from app.booking.errors import SoldOut, SoldOutQueue
from app.booking.queries.offers import look_late
from app.booking.rules import DealPhase, phase_of
from app.core import clock
from app.core.htmx import render, wants_fragment

MOST = 200
Kept = tuple[int, dict[tuple[str, bool, bool], bytes]]


def answer_late(slug: str) -> Response | None:
    """That nothing is left, when that is certain: for everybody but who has booked before or is kept a unit.

    A crowd at a sold-out deal is refused by one small read, and what it typed is not read at all; the page is the same
    for all and kept in this process.
    """
    kind, _, rest = str(session.get("_user_id", "")).partition(":")
    member_id = rest.partition(":")[0]
    if kind != "m" or not member_id.isdecimal():
        return None
    now = clock.now()
    late = look_late(slug, int(member_id), now)
    if late is None or late.booked or late.kept or phase_of(late, now) is not DealPhase.SOLD_OUT:
        return None
    response = Response(_page(slug, late.queue_when_sold_out, late.published), 422)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "HX-Request"
    return response


def _page(slug: str, with_queue: bool, published: int) -> bytes:
    store = current_app.extensions
    kept: Kept = store.get("late_pages", (published, {}))
    if kept[0] != published or len(kept[1]) > MOST:
        kept = (published, {})
    key = (slug, with_queue, wants_fragment())
    if key not in kept[1]:
        words = (SoldOutQueue if with_queue else SoldOut).message
        made = render("booking/late.html", "booking/_late.html", slug=slug, words=words, with_queue=with_queue)
        kept[1][key] = made.get_data()
        store["late_pages"] = kept
    return kept[1][key]
