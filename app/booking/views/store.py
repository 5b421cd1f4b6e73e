"""The store's bookings on the dealer's phone: what is to do today, and one booking with its steps."""

from collections.abc import Callable

from flask import Response, request, url_for
from flask_wtf import FlaskForm

from app.booking.errors import TimeWrong
from app.booking.forms import BalanceForm, CarForm, NoShowForm, ReturnForm, TimeForm
from app.booking.models import Booking
from app.booking.queries import store
from app.booking.rules import BookingState
from app.booking.rules.promises import LEADING
from app.booking.services import balance, progress, store_contact, store_return
from app.booking.services.progress import Outcome
from app.booking.tails import WAY, is_tail, keep_tail, kept_tail, typed_tail
from app.booking.views import blueprint
from app.booking.views.board import waiting
from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor

TAIL = "store_tail"
FORMS: dict[str, type[FlaskForm]] = {
    "time": TimeForm,
    "car": CarForm,
    "balance": BalanceForm,
    "no_show": NoShowForm,
    "return": ReturnForm,
}


@blueprint.get("/staff/bookings")
@access("staff")
def list_store_bookings() -> Response:
    """Asked every fifteen seconds; a filter shows one part, `by=phone` those of the number that was searched for."""
    return _list(kept_tail(TAIL))


@blueprint.post("/staff/bookings")
@access("staff")
def find_store_bookings() -> Response:
    """Find one person by the last four digits of the phone; without digits, everybody again."""
    tail = typed_tail()
    if tail and not is_tail(tail):
        return _list("", tail, 422)
    return go(url_for("booking.list_store_bookings", show=_shown() or None, by=keep_tail(TAIL, tail)))


def _shown() -> str:
    shown = request.args.get("show", "")
    return shown if shown in store.GROUPS else ""


def _list(tail: str, typed: str = "", status: int = 200) -> Response:
    groups, shown = store.list_store(_dealer_id(), clock.now(), tail), _shown()
    return render(
        "booking/staff/bookings.html",
        "booking/staff/_bookings.html",
        status=status,
        groups=[g for g in groups if shown in ("", g.key)],
        counts=[(key, title, sum(len(g.rows) for g in groups if g.key == key)) for key, title in store.GROUPS.items()],
        total=sum(len(g.rows) for g in groups),
        shown=shown,
        tail=tail,
        typed=typed or tail,
        by=WAY if tail else None,
        tail_problem="请输入手机号后四位数字。" if status == 422 else "",
        **({} if wants_fragment() else waiting()),
    )


@blueprint.get("/staff/bookings/<no>")
@access("staff")
def show_store_booking(no: str) -> Response:
    return _page(no)


@blueprint.post("/staff/bookings/<no>/contact")
@access("staff")
def open_contact(no: str) -> Response:
    """Name and number in full: asked for, recorded, shown in this very answer."""
    try:
        return _page(no, contact=store_contact.open_contact(actor(), no, clock.now()))
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(no, 422, problem=refusal.message)


@blueprint.post("/staff/bookings/<no>/confirmation")
@access("staff")
def confirm_booking(no: str) -> Response:
    form = TimeForm()
    return _step(
        no,
        "time",
        form,
        lambda: progress.confirm(actor(), no, clock.now(), appointment_at=form.seen_moment or form.moment),
        "确认",
    )


@blueprint.post("/staff/bookings/<no>/appointment")
@access("staff")
def set_appointment(no: str) -> Response:
    """Agree to the time the customer asked for (`seen`), or propose one."""
    form = TimeForm()

    def act() -> None:
        if form.seen.data:
            progress.agree_time(actor(), no, clock.now(), seen=form.seen_moment)
            return
        if form.moment is None:
            raise TimeWrong
        progress.propose_time(actor(), no, form.moment, clock.now())

    return _step(no, "time", form, act)


@blueprint.post("/staff/bookings/<no>/car")
@access("staff")
def assign_car(no: str) -> Response:
    form = CarForm()
    return _step(no, "car", form, lambda: progress.assign_car(actor(), no, form.vin.data or "", clock.now()))


@blueprint.post("/staff/bookings/<no>/readiness")
@access("staff")
def mark_ready(no: str) -> Response:
    return _step(no, "", None, lambda: progress.mark_ready(actor(), no, clock.now()), "标记备好")


@blueprint.post("/staff/bookings/<no>/balance")
@access("staff")
def record_balance(no: str) -> Response:
    """The receipt of the balance; with `correction` it puts a former record right."""
    form, now = BalanceForm(), clock.now()
    document = form.document.data or ""
    if request.form.get("correction"):
        reason = form.reason.data or ""
        return _step(no, "balance", form, lambda: balance.correct(actor(), no, document, reason, now))
    return _step(no, "balance", form, lambda: balance.record_in_store(actor(), no, document, now), "登记余款")


@blueprint.post("/staff/bookings/<no>/no-show")
@access("staff")
def mark_no_show(no: str) -> Response:
    form = NoShowForm()
    reason = form.reason.data or ""
    return _step(no, "no_show", form, lambda: progress.mark_no_show(actor(), no, reason, clock.now()), "登记未到店")


@blueprint.post("/staff/bookings/<no>/balance/return")
@access("staff")
def record_return(no: str) -> Response:
    """The store gave back the balance it took; the number of its voucher."""
    form = ReturnForm()
    document = form.document.data or ""
    return _step(no, "return", form, lambda: store_return.record_return(actor(), no, document, clock.now()), "登记退款")


def _step(no: str, name: str, form: FlaskForm | None, act: Callable[[], Outcome | None], done: str = "") -> Response:
    """Do it and show the booking; who comes second reads who was first, a refusal stands at its field."""
    try:
        outcome = act()
    except DomainError as refusal:
        if refusal.status not in (403, 422):
            raise
        field = form[refusal.field] if form is not None and refusal.field and refusal.field in form else None
        if field is None:
            return _page(no, refusal.status, problem=refusal.message)
        field.errors = [refusal.message]
        return _page(no, refusal.status, refused=(name, form))
    if outcome is not None and not outcome.first:
        return _page(no, told=outcome.sentence(done))
    return go(url_for("booking.show_store_booking", no=no))


def _page(
    no: str,
    status: int = 200,
    *,
    problem: str = "",
    told: str = "",
    refused: tuple[str, FlaskForm | None] | None = None,
    contact: tuple[str, str] | None = None,
) -> Response:
    now = clock.now()
    view = store.get_store_booking(no, _dealer_id(), now)
    forms: dict[str, FlaskForm | None] = {name: make(formdata=None) for name, make in FORMS.items()}
    if refused is not None:
        forms[refused[0]] = refused[1]
    return render(
        "booking/staff/booking.html",
        status=status,
        view=view,
        booking=view.booking,
        forms=forms,
        refused=refused[0] if refused else "",
        problem=problem,
        told=told,
        contact=contact,
        leads=actor().role in LEADING,
        running=_running(view.booking),
        now_local=clock.local(now).strftime("%Y-%m-%dT%H:%M"),
    )


def _running(booking: Booking) -> bool:
    return booking.state in (BookingState.DEPOSIT_PAID, BookingState.CONFIRMED, BookingState.CAR_READY)


def _dealer_id() -> int:
    return actor().dealer_id or 0
