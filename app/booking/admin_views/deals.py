"""The live boards: how each deal stands at this moment; pausing one at once and letting it run again."""

from typing import Any

from flask import g, request, url_for

from app.booking.admin_views import blueprint
from app.booking.queries import board
from app.booking.rules import PHASE_WORDS
from app.booking.services import pause, units
from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access


@blueprint.get("/deals")
@access("admin")
def list_deals() -> Any:
    lines = board.list_deals(clock.now())
    return render("booking/admin/deals.html", here="deals", lines=lines, words=PHASE_WORDS)


@blueprint.get("/deals/<slug>")
@access("admin")
def show_board(slug: str) -> Any:
    """The page, or for htmx the part of it that changes."""
    return _page(slug)


@blueprint.post("/deals/<slug>/pause")
@access("admin")
def pause_deal(slug: str) -> Any:
    reason = request.form.get("reason", "")
    try:
        pause.pause_deal(g.actor, slug, reason, clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(slug, 422, refusal.message, reason)
    return go(url_for("booking_admin.show_board", slug=slug))


@blueprint.post("/deals/<slug>/resume")
@access("admin")
def resume_deal(slug: str) -> Any:
    pause.resume_deal(g.actor, slug, clock.now())
    return go(url_for("booking_admin.show_board", slug=slug))


@blueprint.post("/deals/<slug>/units")
@access("admin")
def move_units(slug: str) -> Any:
    """Give units of one store to another; the form says what was left when it was read."""
    form = request.form
    from_id, to_id, many, seen = (form.get(name, type=int) or 0 for name in ("from", "to", "units", "seen"))
    try:
        units.move_units(g.actor, slug, from_id, to_id, many, seen, form.get("reason", ""), clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(slug, 422, refusal.message)
    return go(url_for("booking_admin.show_board", slug=slug))


def _page(slug: str, status: int = 200, problem: str = "", reason: str = "") -> Any:
    now = clock.now()
    return render(
        "booking/admin/board.html",
        "booking/admin/_board.html" if status == 200 else None,
        status=status,
        here="deals",
        board=board.get_board(slug, now),
        words=PHASE_WORDS,
        now=now,
        refresh=url_for("booking_admin.show_board", slug=slug),
        problem=problem,
        reason=reason,
    )
