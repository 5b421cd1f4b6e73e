"""Somebody comes too late: told at once, from what is kept, before anything is locked or checked."""

from flask import Response

from app.booking.errors import SoldOut, SoldOutQueue
from app.booking.queries.offers import look_late
from app.booking.rules import DealPhase, phase_of
from app.core import clock
from app.core.caching import kept_body
from app.core.htmx import render, wants_fragment
from app.members.session import claimed_member_id


def answer_late(slug: str) -> Response | None:
    """That nothing is left, when that is certain: for everybody but who has booked before or is kept a unit.

    A crowd at a sold-out deal is refused by one small read, and what it typed is not read at all; the page is the same
    for all and kept in this process.
    """
    member_id = claimed_member_id()
    if member_id is None:
        return None
    now = clock.now()
    late = look_late(slug, member_id, now)
    if late is None or late.booked or late.kept or phase_of(late, now) is not DealPhase.SOLD_OUT:
        return None
    response = Response(_page(slug, late.queue_when_sold_out, late.published), 422)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "HX-Request"
    return response


def _page(slug: str, with_queue: bool, published: int) -> bytes:
    words = (SoldOutQueue if with_queue else SoldOut).message
    given = {"slug": slug, "words": words, "with_queue": with_queue}
    address = ("late", slug, with_queue, wants_fragment())
    return kept_body(published, address, lambda: render("booking/late.html", "booking/_late.html", **given))
