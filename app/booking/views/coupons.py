"""Coupons for a booking: what each would take off or why not, and the tap that lets the booking hold them."""

from flask import Response, current_app, g, url_for

from app.booking.errors import CouponsStale
from app.booking.forms import CouponsForm
from app.booking.queries.price import get_coupon_page
from app.booking.services.coupons import use_coupons
from app.booking.views import blueprint
from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor


@blueprint.get("/bookings/<no>/coupons")
@access("member")
def show_coupons(no: str) -> Response:
    return _page(no, CouponsForm(formdata=None))


@blueprint.post("/bookings/<no>/coupons")
@access("member")
def choose_coupons(no: str) -> Response:
    """Use what is ticked, at the price that was read; `look` only says what it makes."""
    form = CouponsForm()
    if form.do.data == "look" or not form.validate():
        return _page(no, form)
    chosen = {each.code: each.candidate.coupon_id for each in get_coupon_page(no, g.member.id, clock.now()).choices}
    try:
        if not form.codes <= chosen.keys():
            raise CouponsStale
        ids = [chosen[code] for code in form.codes]
        use_coupons(actor(), no, ids, form.seen_fen.data or 0, current_app.extensions["pay"], clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(no, form, refusal.message)
    return go(url_for("booking.show_booking", no=no))


def _page(no: str, form: CouponsForm, problem: str = "") -> Response:
    view = get_coupon_page(no, g.member.id, clock.now(), form.codes if form.is_submitted() else None)
    return render(
        "booking/coupons.html", "booking/_coupons.html", status=422 if problem else 200, view=view, problem=problem
    )
