"""The test-drive desk on the dealer's phone: the day's list, and one drive from the check-in to the return."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Response, make_response, request, url_for

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render, wants_fragment
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import actor, settings
from app.drives.forms import PlainForm, ReasonForm, SignForm, WalkInForm
from app.drives.joining import join_token
from app.drives.queries import desk as queries
from app.drives.queries.slots import day_text
from app.drives.services import change, desk, photos, sign
from app.drives.views import blueprint
from app.drives.views.book import onto
from app.drives.views.steps import sign_page


@blueprint.get("/staff/test-drives")
@access("staff")
def list_day() -> Response:
    """Asked every fifteen seconds; today, or the day that is asked for."""
    now = clock.now()
    today = clock.local(now).date()
    try:
        on = clock.read_day(request.args.get("on", "")[:10])
    except ValueError:
        on = today
    days = [(each, day_text(each, today)) for each in (today + timedelta(days=n) for n in range(7))]
    rows = queries.list_day(dealer_id(), on, now)
    context: dict[str, Any] = {"rows": rows, "on": on, "days": days, "today": today}
    return render("drives/staff/day.html", "drives/staff/_day.html", manages=actor().role == "manager", **context)


@blueprint.get("/staff/test-drives/<no>")
@access("staff")
def show_store_drive(no: str) -> Response:
    return _page(no)


@blueprint.get("/staff/test-drives/<no>/status")
@access("staff")
def show_store_status(no: str) -> Response:
    """Asked every five seconds while somebody stands there: nothing while nothing changed."""
    view = queries.get_desk_page(no, dealer_id(), clock.now())
    if wants_fragment() and request.args.get("seen") == view.mark:
        return make_response("", 204)
    return _page(no)


@blueprint.post("/staff/test-drives/<no>/arrival")
@access("staff")
def check_in(no: str) -> Response:
    return _act(no, lambda: desk.arrive(actor(), no, clock.now()))


@blueprint.post("/staff/test-drives/<no>/licence")
@access("staff")
def see_licence(no: str) -> Response:
    return _act(no, lambda: desk.see_licence(actor(), no, clock.now()))


@blueprint.post("/staff/test-drives/<no>/licence/photo")
@access("staff")
def open_photo(no: str) -> Response:
    """The photo, asked for, recorded, shown in this very answer and kept by nobody."""
    try:
        content = photos.open_photo(actor(), no, clock.now(), keys=settings().licence_keys)
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(no, 422, refusal.message)
    return _page(no, licence=base64.b64encode(content).decode())


@blueprint.post("/staff/test-drives/<no>/contact")
@access("staff")
def open_contact(no: str) -> Response:
    """Name and number in full: asked for, recorded, shown in this very answer."""
    try:
        return _page(no, contact=desk.open_contact(actor(), no, clock.now()))
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(no, 422, refusal.message)


@blueprint.get("/staff/test-drives/<no>/agreement")
@access("staff")
def show_store_agreement(no: str) -> Response:
    """The agreement on the store's phone, handed to the customer."""
    return sign_page(queries.get_of_store(no, dealer_id()), staff=True)


@blueprint.post("/staff/test-drives/<no>/agreement")
@access("staff")
def sign_in_store(no: str) -> Response:
    drive, form = queries.get_of_store(no, dealer_id()), SignForm()
    if form.validate():
        try:
            drawing, digest = form.drawing.data or "", form.digest.data or ""
            sign.sign(
                actor(), no, form.typed_name.data or "", drawing, digest, clock.now(), keys=settings().licence_keys
            )
        except DomainError as refusal:
            if refusal.status != 422:
                raise
            onto(form, refusal)
        else:
            return go(url_for("drives.show_store_drive", no=no))
    return sign_page(drive, staff=True, form=form)


@blueprint.post("/staff/test-drives/<no>/start")
@access("staff")
def start_drive(no: str) -> Response:
    return _act(no, lambda: desk.start(actor(), no, request.form.get("route", "")[:60], clock.now()))


@blueprint.post("/staff/test-drives/<no>/end")
@access("staff")
def end_drive(no: str) -> Response:
    return _act(no, lambda: desk.end(actor(), no, clock.now()))


@blueprint.post("/staff/test-drives/<no>/no-show")
@access("staff")
def mark_no_show(no: str) -> Response:
    return _act(no, lambda: desk.mark_no_show(actor(), no, clock.now()))


@blueprint.post("/staff/test-drives/<no>/cancellation")
@access("staff")
def cancel_for_store(no: str) -> Response:
    reason = request.form.get("reason", "")[:60]
    return _act(no, lambda: change.cancel_by_store(actor(), no, reason, clock.now()))


@blueprint.get("/staff/test-drives/walk-in")
@access("staff")
def new_walk_in() -> Response:
    return _walk_in_page(WalkInForm(formdata=None))


@blueprint.post("/staff/test-drives/walk-in")
@access("staff")
def begin_walk_in() -> Response:
    form = WalkInForm()
    if form.validate():
        try:
            no = desk.walk_in(actor(), form.car_id, form.name.data or "", clock.now())
        except DomainError as refusal:
            if refusal.status == 403:
                raise
            onto(form, refusal)
        else:
            return go(url_for("drives.show_store_drive", no=no))
    return _walk_in_page(form, 422)


def _walk_in_page(form: WalkInForm, status: int = 200) -> Response:
    cars = queries.list_free_cars(dealer_id(), clock.now())
    return render("drives/staff/walk_in.html", status=status, form=form, cars=cars)


def _act(no: str, act: Callable[[], None]) -> Response:
    """Do it and show the drive; a refusal stands above it."""
    try:
        act()
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(no, 422, refusal.message)
    return go(url_for("drives.show_store_drive", no=no))


def _page(
    no: str, status: int = 200, problem: str = "", *, contact: tuple[str, str] | None = None, licence: str = ""
) -> Response:
    now = clock.now()
    view = queries.get_desk_page(no, dealer_id(), now)
    joins = view.drive.walk_in and view.drive.member_id is None and not view.drive.ended_at
    address = settings().public_base_url.rstrip("/")
    secret = settings().secret_key.get_secret_value()
    link = address + url_for("drives.show_join", token=join_token(secret, no, now)) if joins else ""
    return render(
        "drives/staff/drive.html",
        "drives/staff/_drive.html",
        status=status,
        view=view,
        drive=view.drive,
        problem=problem,
        contact=contact,
        licence=licence,
        form=PlainForm(formdata=None),
        reason_form=ReasonForm(formdata=None),
        join_svg=qr_svg(link) if link else None,
    )


def dealer_id() -> int:
    """The store whose phone this is."""
    return actor().dealer_id or 0
