"""One's own bookings: the list, the page of one, its pick-up code, its time to come, its cancelling and disputing."""

from typing import Any

from flask import Response, abort, current_app, g, make_response, render_template, request, url_for

from app.booking import queries
from app.booking.calendar import pick_up_calendar
from app.booking.errors import TimeWrong
from app.booking.forms import CancelForm, DisputeForm, TimeForm
from app.booking.models import Booking
from app.booking.queries.agreed import list_agreed_lines
from app.booking.queries.money import get_money
from app.booking.queries.queue import list_own_places
from app.booking.rules import PICK_UP
from app.booking.rules.cancelling import CancelRule, cancel_rule, may_dispute
from app.booking.services import balance, cases, money, progress, release
from app.booking.views import blueprint
from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render, wants_fragment
from app.core.qr import qr_svg
from app.core.security import access, living_code
from app.core.web import actor, settings
from app.coupons.queries.candidates import list_of_booking


@blueprint.get("/me/bookings")
@access("member")
def list_bookings() -> Response:
    rows = queries.list_own(g.member.id, clock.now())
    running, over = [r for r in rows if r[2]], [r for r in rows if not r[2]]
    places = list_own_places(g.member.id, clock.now())
    return render("booking/bookings.html", running=running, over=over, places=places)


@blueprint.get("/bookings/<no>")
@access("member")
def show_booking(no: str) -> Response:
    return _booking_detail(no)


@blueprint.get("/bookings/<no>/status")
@access("member")
def show_booking_status(no: str) -> Response:
    """Asked every two seconds: nothing while the state is the one that is seen, else the whole part anew."""
    page = queries.get_booking_page(no, g.member.id, clock.now())
    if wants_fragment() and request.args.get("seen") == page.mark:
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
        return _refused(no, refusal)
    return go(url_for("booking.show_booking", no=no))


@blueprint.post("/bookings/<no>/dispute")
@access("member")
def dispute(no: str) -> Response:
    """Ask headquarters to look at it, in own words."""
    form = DisputeForm()
    try:
        cases.dispute(actor(), no, form.reason.data or "", clock.now())
    except DomainError as refusal:
        return _refused(no, refusal)
    return go(url_for("booking.show_booking", no=no))


@blueprint.post("/bookings/<no>/appointment")
@access("member")
def ask_time(no: str) -> Response:
    """Ask the dealer for a time to come."""
    try:
        at = TimeForm().moment
        if at is None:
            raise TimeWrong("请选择到店时间。")
        progress.ask_time(actor(), no, at, clock.now())
    except DomainError as refusal:
        return _refused(no, refusal)
    return go(url_for("booking.show_booking", no=no))


@blueprint.post("/bookings/<no>/appointment/agreement")
@access("member")
def agree_time(no: str) -> Response:
    """Agree to the time the dealer proposed, as it was read."""
    try:
        progress.agree_time(actor(), no, clock.now(), seen=TimeForm().seen_moment)
    except DomainError as refusal:
        return _refused(no, refusal)
    return go(url_for("booking.show_booking", no=no))


@blueprint.get("/bookings/<no>/calendar.ics")
@access("member")
def show_calendar(no: str) -> Response:
    """The agreed time for one's own calendar."""
    booking = queries.get_booking(no, g.member.id)
    if booking.appointment_at is None:
        abort(404)
    address = settings().public_base_url.rstrip("/") + url_for("booking.show_booking", no=no)
    response = make_response(pick_up_calendar(booking, booking.appointment_at, address, clock.now()))
    response.headers["Content-Type"] = "text/calendar; charset=utf-8"
    response.headers["Content-Disposition"] = f"attachment; filename=booking-{no}.ics"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/bookings/<no>/sheet")
@access("member")
def show_sheet(no: str) -> Response:
    """预订单 for paper: what was agreed and what happened, without the code."""
    now = clock.now()
    page = queries.get_booking_page(no, g.member.id, now)
    agreed = list_agreed_lines(page.booking)
    return render(
        "booking/sheet.html",
        view=page,
        booking=page.booking,
        printed_at=now,
        agreed=agreed,
        money=get_money(page.booking),
        coupons=list_of_booking(page.booking.id) if page.booking.coupon_fen else [],
    )


def rule_of(booking: Booking) -> CancelRule:
    """What cancelling this booking means now, for the sentence and for the button."""
    in_store = booking.balance_fen if booking.balance_paid_at and booking.balance_channel == balance.STORE else 0
    return cancel_rule(
        booking.earnest_kind,
        booking.state,
        paid_in_full=not booking.balance_open,
        online_fen=money.owed_fen(booking.id),
        store_fen=in_store,
    )


def _refused(no: str, refusal: DomainError) -> Response:
    if refusal.status != 422:
        raise refusal
    return _booking_detail(no, 422, refusal.message)


def _booking_detail(no: str, status: int = 200, problem: str = "") -> Response:
    now = clock.now()
    page = queries.get_booking_page(no, g.member.id, now)
    booking = page.booking
    return render(
        "booking/booking.html",
        "booking/_booking.html",
        status=status,
        view=page,
        booking=booking,
        problem=problem,
        form=CancelForm(),
        time_form=TimeForm(formdata=None),
        dispute_form=DisputeForm(formdata=None),
        cancel=rule_of(booking),
        money=get_money(booking),
        agreed=list_agreed_lines(booking),
        may_change=booking.state in PICK_UP,
        may_dispute=may_dispute(booking.state),
        balance_payable=balance.is_payable(booking, now),
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
