"""One's own bookings: the list, the page of one, its pick-up code, its cancelling."""

from typing import Any

from flask import Response, current_app, g, make_response, render_template, request, url_for

from app.booking import queries
from app.booking.forms import CancelForm
from app.booking.rules import state_words
from app.booking.services import release
from app.booking.views import blueprint
from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render, wants_fragment
from app.core.qr import qr_svg
from app.core.security import access, living_code
from app.core.web import actor, settings


@blueprint.get("/me/bookings")
@access("member")
def list_bookings() -> Response:
    rows = [(b, state_words(b.state, b.earnest_kind)) for b in queries.list_bookings(g.member.id)]
    return render("booking/bookings.html", rows=rows)


@blueprint.get("/bookings/<no>")
@access("member")
def show_booking(no: str) -> Response:
    return _booking_detail(no)


@blueprint.get("/bookings/<no>/status")
@access("member")
def show_booking_status(no: str) -> Response:
    """Asked every two seconds: nothing while the state is the one that is seen, else the whole part anew."""
    page = queries.get_booking_page(no, g.member.id, clock.now())
    if wants_fragment() and request.args.get("seen") == f"{page.booking.state}-{len(page.steps)}":
        return make_response("", 204)
    return _booking_detail(no)


@blueprint.get("/bookings/<no>/code")
@access("member")
def show_code(no: str) -> Response:
    """The pick-up code of this minute, a fragment that renews itself."""
    page = queries.get_booking_page(no, g.member.id, clock.now())
    if not page.has_code:
        return go(url_for("booking.show_booking", no=no))
    return make_response(render_template("booking/_code.html", booking=page.booking, **_code(no)))


@blueprint.post("/bookings/<no>/cancellation")
@access("member")
def cancel_booking(no: str) -> Response:
    try:
        release.cancel_booking(actor(), no, current_app.extensions["pay"], clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _booking_detail(no, 422, refusal.message)
    return go(url_for("booking.show_booking", no=no))


def _booking_detail(no: str, status: int = 200, problem: str = "") -> Response:
    page = queries.get_booking_page(no, g.member.id, clock.now())
    return render(
        "booking/booking.html",
        "booking/_booking.html",
        status=status,
        view=page,
        booking=page.booking,
        problem=problem,
        form=CancelForm(),
        **(_code(no) if page.has_code else {}),
    )


def _code(no: str) -> dict[str, Any]:
    now = clock.now()
    code = living_code(settings().secret_key.get_secret_value(), "B", no, now)
    return {
        "code_svg": qr_svg(f"{settings().public_base_url.rstrip('/')}/r/{code.token}"),
        "code_digits": f"{code.digits[:3]} {code.digits[3:]}",
        "code_seconds": max(code.expires_at_epoch - int(now.timestamp()), 1),
    }
