"""The store's own live board on the dealer's phone: its part of each deal. Pausing one is headquarters' alone."""

from flask import Response, url_for

from app.booking.queries import board
from app.booking.queries.queue import count_leads
from app.booking.rules import PHASE_WORDS
from app.booking.views import blueprint
from app.core import clock
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor
from app.reviews import queries as reviews


@blueprint.get("/staff/waiting")
@access("staff")
def show_waiting() -> Response:
    """The ways to bookings, boards, reviews and the queue with what waits behind each: a part of the staff's home."""
    if not wants_fragment():
        return go(url_for("booking.list_store_bookings"))
    return render("booking/staff/_waiting.html", **waiting())


@blueprint.get("/staff/board")
@access("staff")
def list_boards() -> Response:
    """The deals of this store: to come, running, sold out, and those it still has bookings in."""
    lines = board.list_deals_of_dealer(_dealer_id(), clock.now())
    return render("booking/staff/boards.html", lines=lines, words=PHASE_WORDS)


@blueprint.get("/staff/board/<slug>")
@access("staff")
def show_store_board(slug: str) -> Response:
    """The page, or for htmx the part of it that changes."""
    now = clock.now()
    return render(
        "booking/staff/board.html",
        "booking/staff/_board.html",
        board=board.get_store_board(slug, _dealer_id(), now),
        words=PHASE_WORDS,
        now=now,
    )


def waiting() -> dict[str, int]:
    """What waits for somebody of this store."""
    dealer_id = _dealer_id()
    return {"unanswered": reviews.count_unanswered(dealer_id), "leads_waiting": count_leads(dealer_id)}


def _dealer_id() -> int:
    return actor().dealer_id or 0
