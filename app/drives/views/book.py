"""The form: car and store are there, time, name and phone are asked for, the tick is the person's own."""

from datetime import date
from typing import Any

from flask import Response, g, request, url_for

from app.catalog.models import Series
from app.core import clock, ids
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor, limiter, settings
from app.dealers import queries as dealers
from app.dealers.models import Dealer
from app.drives.errors import NoCarHere
from app.drives.forms import DriveForm
from app.drives.queries import cars
from app.drives.queries.slots import Plan
from app.drives.rules.states import SHARING_TEXT
from app.drives.services import book
from app.drives.views import blueprint
from app.members import queries as members
from app.visits.session import touch


@blueprint.get("/test-drives/new")
@access("member")
def new_drive() -> Response:
    series, dealer = request.args.get("series", "")[:64], request.args.get("dealer", "")[:64]
    if not (series and dealer):
        return go(url_for("drives.choose", series=series or None, dealer=dealer or None))
    member = members.get_member(g.member.id)
    known = member.phone if member.phone_verified_at and request.args.get("phone") != "other" else ""
    form = DriveForm(
        formdata=None,
        series=series,
        dealer=dealer,
        name=member.name,
        phone=known,
        at=request.args.get("at", "")[:40],
        idempotency_key=ids.token(16),
    )
    return _form_page(cars.get_series(series), dealers.get_dealer(dealer), form)


@blueprint.post("/test-drives")
@access("member")
@limiter.limit("30/minute")
def book_drive() -> Response:
    form, now = DriveForm(), clock.now()
    series = cars.get_series((form.series.data or "")[:64])
    dealer = dealers.get_dealer((form.dealer.data or "")[:64])
    if not form.validate() or form.moment is None:
        return _form_page(series, dealer, form, 422)
    wish = book.Wish(
        dealer_id=dealer.id,
        series_id=series.id,
        at=form.moment,
        name=(form.name.data or "").strip(),
        phone=form.number,
        idempotency_key=form.idempotency_key.data or "",
    )
    try:
        secret = settings().secret_key.get_secret_value()
        book.prove_phone(actor(), wish.phone, form.code.data or "", now, secret=secret)
        no = book.book(actor(), wish, now, touch=touch(request))
    except NoCarHere:
        return _form_page(series, dealer, form, 422)
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _form_page(series, dealer, onto(form, refusal), 422)
    return go(url_for("drives.show_drive", no=no))


def onto(form: Any, refusal: DomainError) -> Any:
    """The refusal's sentence on its field, or above the form."""
    if refusal.field and refusal.field in form:
        form[refusal.field].errors = [refusal.message]
    else:
        form.form_errors = [refusal.message]
    return form


def day_of(plan: Plan, chosen: str | None = None) -> date:
    """The day whose times are shown: the one asked for, that of the chosen time, or the first with any left."""
    try:
        return clock.read_day(chosen or request.values.get("on", "")[:10])
    except ValueError:
        return next((day.on for day in plan.days() if day.left), plan.today)


def _form_page(series: Series, dealer: Dealer, form: DriveForm, status: int = 200) -> Response:
    now = clock.now()
    plan = Plan(dealer, series.id, now)
    at = form.moment
    on = day_of(plan, clock.local(at).date().isoformat() if at else None)
    _, thanks = cars.thanks_of(dealer.id, now)
    number = form.number
    return render(
        "drives/new.html",
        "drives/_form.html",
        status=status,
        form=form,
        series=series,
        dealer=dealer,
        state=dealers.open_state(dealer, now),
        days=plan.days(),
        slots=plan.slots(on),
        on=on,
        has_cars=bool(plan.cars),
        minutes=plan.desk.minutes,
        thanks=thanks,
        sharing_text=SHARING_TEXT,
        proved=bool(number) and members.has_verified_phone(g.member.id, number),
        sent=False,
        wait_seconds=0,
    )
