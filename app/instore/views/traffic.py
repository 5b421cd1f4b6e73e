"""客流: what the store's codes brought, as numbers and simple bars."""

from flask import Response, request

from app.core import clock
from app.core.htmx import render
from app.core.security import access
from app.instore.queries import traffic
from app.instore.views import blueprint
from app.staff import queries as staff
from app.staff.session import current_staff


@blueprint.get("/staff/traffic")
@access("staff")
def show_traffic() -> Response:
    """Of the last day, week, month or quarter."""
    dealer_id = current_staff().dealer_id
    days = traffic.days_of(request.args.get("days", ""))
    return render(
        "instore/traffic.html",
        traffic=traffic.get_traffic(dealer_id, days, clock.now()),
        dealer_name=staff.dealer_name(dealer_id),
        spans=traffic.SPANS,
        steps=traffic.STEP_WORDS,
    )
