"""What customers wrote, hidden with a reason where it must be; and how often each dealer kept its word."""

from typing import Any

from flask import g, request, url_for

from app.booking.admin_views import blueprint
from app.booking.queries import moderation
from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.reviews import queries as reviews
from app.reviews import services


@blueprint.get("/reviews")
@access("admin")
def list_reviews() -> Any:
    return _page()


@blueprint.post("/reviews/<int:review_id>/hiding")
@access("admin")
def hide_review(review_id: int) -> Any:
    try:
        services.hide_review(g.actor, review_id, request.form.get("reason", ""), clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(422, refusal.message, review_id)
    return go(url_for("booking_admin.list_reviews"))


@blueprint.post("/reviews/<int:review_id>/showing")
@access("admin")
def show_review(review_id: int) -> Any:
    services.show_review(g.actor, review_id)
    return go(url_for("booking_admin.list_reviews", hidden=1))


def _page(status: int = 200, problem: str = "", failed: int = 0) -> Any:
    hidden = request.args.get("hidden") == "1"
    return render(
        "booking/admin/reviews.html",
        status=status,
        here="reviews",
        hidden=hidden,
        rows=reviews.list_for_office(hidden=hidden),
        honour=moderation.list_honour(clock.now()),
        problem=problem,
        failed=failed,
    )
