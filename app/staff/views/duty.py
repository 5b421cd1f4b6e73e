"""值班: clocking in and out on the staff's own page, and who is there as every shopper may read it."""

from flask import Blueprint, Response, request, url_for

from app.core import clock
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor
from app.dealers import queries as dealers
from app.staff import queries, services
from app.staff.session import current_staff
from app.staff.views import blueprint

public = Blueprint("duty", __name__)


@public.get("/dealers/<slug>/on-duty")
@access("public")
def show_on_duty(slug: str) -> Response:
    """Who is in the store now: a fragment for the store's pages, and a page without scripts."""
    dealer, now = dealers.get_dealer(slug), clock.now()
    response = render(
        "staff/on_duty.html", "staff/_on_duty.html", dealer=dealer, people=queries.list_on_duty(dealer.id, now)
    )
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/duty")
@access("staff")
def show_duty() -> Response:
    return _own()


@blueprint.post("/duty")
@access("staff")
def set_duty() -> Response:
    """On duty for so many hours, or off."""
    wanted = request.form.get("hours", "")
    if wanted == "0":
        services.clock_out(actor())
    else:
        services.clock_in(actor(), int(wanted) if wanted in {str(h) for h in services.SHIFTS} else 8, clock.now())
    fragment = wants_fragment()
    return _own() if fragment else go(url_for("staff.show_home"))


def _own() -> Response:
    staff, now = current_staff(), clock.now()
    people = queries.list_on_duty(staff.dealer_id, now)
    return render(
        "staff/duty.html",
        "staff/_duty.html",
        until=queries.duty_until(staff.id, now),
        others=[person for person in people if person.id != staff.id],
        shifts=services.SHIFTS,
    )
