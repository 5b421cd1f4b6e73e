"""Bookings found by number, last digits of the phone, state or dealer; one with its whole trail; corrections of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import abort, g, request, url_for

from app.booking import queries
from app.booking.admin_views import blueprint
from app.booking.models import Booking
from app.booking.queries import board
from app.booking.queries.money import get_money
from app.booking.rules import AUDIT_WORDS, EVENT_WORDS, PICK_UP, BookingState, state_words
from app.booking.services import correct
from app.booking.tails import is_tail, keep_tail, kept_tail, typed_tail
from app.core import audit, clock
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import Actor, access
from app.coupons.queries.candidates import list_of_booking
from app.members import rules as members

STATES: dict[str, tuple[str, tuple[str, ...]]] = {
    name: (words, tuple(states)) for name, (words, states) in zip(
        ("held", "paid", "confirmed", "ready", "done", "released", "refunding", "refunded", "forfeited"),
        board.COLUMNS,
        strict=True,
    )
}  # fmt: skip
TAIL = "office_tail"
PLAIN = ("no", "state", "dealer")  # may stand in an address
WHAT = {
    "confirm_by": "最迟确认时间",
    "ready_by": "最迟备好车时间",
    "appointment_at": "到店时间",
    "vin": "车架号",
    "balance_document": "余款单据号",
    "no_show_at": "未到店记录",
    "default_excused_at": "门店违约免责",
}
DETAILS = {
    "before": "原", "after": "现", "reason": "原因", "what": "项目", "document": "单据号", "vin": "车架号",
    "deal_id": "一口价", "dealer_id": "门店", "at": "时间", "fen": "金额", "sent": "短信",
    "delta_fen": "差价", "promise": "承诺",
}  # fmt: skip


@blueprint.get("/bookings")
@access("admin")
def find_bookings() -> Any:
    return _found({**_given(request.args), "tail": kept_tail(TAIL)})


@blueprint.post("/bookings")
@access("admin")
def search_bookings() -> Any:
    """What is searched for becomes the list's address, but for the digits of a phone."""
    given = {**_given(request.form), "tail": typed_tail()}
    tail = given["tail"]
    if tail and not is_tail(tail):
        return _found(given, "请输入手机号的后四位数字。")
    wanted: dict[str, Any] = {name: given[name] or None for name in PLAIN}
    return go(url_for("booking_admin.find_bookings", **wanted, by=keep_tail(TAIL, tail)))


def _given(values: Mapping[str, str]) -> dict[str, str]:
    return {name: values.get(name, "").strip()[:24] for name in PLAIN}


def _found(given: dict[str, str], problem: str = "") -> Any:
    number = given["dealer"]
    dealer = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else None
    rows = None
    if not problem:
        states = STATES.get(given["state"], ("", ()))[1]
        rows = board.search_bookings(no=given["no"].upper(), tail=given["tail"], states=states, dealer_id=dealer)
    return render(
        "booking/admin/bookings.html",
        status=422 if problem else 200,
        here="bookings",
        given=given,
        rows=rows,
        problem=problem,
        states=STATES,
        dealers=board.list_dealers_with_bookings(),
        mask=members.mask_phone,
        state_words=state_words,
        found=board.FOUND,
    )


@blueprint.get("/bookings/<no>")
@access("admin")
def show_booking(no: str) -> Any:
    """Masked; the full name and number are shown by a POST that says why."""
    return _page(no)


@blueprint.post("/bookings/<no>/look")
@access("admin")
def look_at_booking(no: str) -> Any:
    reason = request.form.get("reason", "").strip()[:120]
    if not reason:
        return _page(no, 422, "请填写查看原因。")
    booking = _find(no)
    with transaction():
        audit.record(g.actor, "booking_looked_at", "booking", booking.id, reason=reason)
    return _page(no, full=True)


@blueprint.post("/bookings/<no>/correction")
@access("admin")
def correct_booking(no: str) -> Any:
    """Put one thing right; `what` names it."""
    work = CORRECTIONS.get(request.form.get("what", "")) or abort(404)
    try:
        work(g.actor, no, request.form.get("reason", ""), clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(no, 422, refusal.message)
    return go(url_for("booking_admin.show_booking", no=no))


def _promise(which: correct.Promise) -> Callable[[Actor, str, str, datetime], bool]:
    def work(actor: Actor, no: str, reason: str, now: datetime) -> bool:
        at = _moment("value")
        if at is None:
            raise correct.TimeWrong("请填写日期和时间。")
        return correct.correct_promise(actor, no, which, at, _seen_moment(), reason, now)

    return work


def _appointment(actor: Actor, no: str, reason: str, now: datetime) -> bool:
    return correct.correct_appointment(actor, no, _moment("value"), _seen_moment(), reason, now)


def _vin(actor: Actor, no: str, reason: str, now: datetime) -> bool:
    value, seen = request.form.get("value", "")[:40], request.form.get("seen", "")
    return correct.correct_vin(actor, no, value, seen, reason, now)


def _document(actor: Actor, no: str, reason: str, now: datetime) -> bool:
    value, seen = request.form.get("value", "")[:80], request.form.get("seen", "")
    return correct.correct_document(actor, no, value, seen, reason, now)


CORRECTIONS: dict[str, Callable[[Actor, str, str, datetime], bool]] = {
    "confirm_by": _promise("confirm"),
    "ready_by": _promise("ready"),
    "appointment_at": _appointment,
    "vin": _vin,
    "balance_document": _document,
    "no_show_at": correct.take_back_no_show,
    "default_excused_at": correct.excuse_default,
}


def _moment(name: str) -> datetime | None:
    """A time as the browser's field writes it, on a wall clock in Shanghai; None when it is empty or no time."""
    try:
        return clock.read_wall(request.form.get(name, ""))
    except ValueError:
        return None


def _seen_moment() -> datetime | None:
    """The moment that was shown, to the microsecond."""
    try:
        return datetime.fromisoformat(request.form.get("seen", ""))
    except ValueError:
        return None


def _find(no: str) -> Booking:
    return queries.find_booking_by_no(no) or abort(404)


def _page(no: str, status: int = 200, problem: str = "", *, full: bool = False) -> Any:
    booking = _find(no)
    return render(
        "booking/admin/booking.html",
        status=status,
        here="bookings",
        booking=booking,
        words=state_words(booking.state, booking.earnest_kind),
        problem=problem,
        full=full,
        trail=board.list_trail(booking.id),
        money=get_money(booking),
        coupons=list_of_booking(booking.id) if booking.coupon_fen else [],
        may=_may(booking),
        what=WHAT,
        actions={f"booking_{event}": said for event, said in EVENT_WORDS.items()} | AUDIT_WORDS,
        details=DETAILS,
        mask=members.mask_phone,
        typed=request.form if status == 422 else {},
    )


def _may(booking: Booking) -> list[str]:
    """What can be put right on it now."""
    state, found = booking.state, []
    if state == BookingState.DEPOSIT_PAID:
        found.append("confirm_by")
    if state == BookingState.CONFIRMED:
        found.append("ready_by")
    if state in PICK_UP:
        found.append("appointment_at")
    if state in (BookingState.CONFIRMED, BookingState.CAR_READY, BookingState.HANDED_OVER):
        found.append("vin")
    if booking.balance_channel == "store":
        found.append("balance_document")
    if booking.no_show_at is not None and state in PICK_UP:
        found.append("no_show_at")
    if booking.defaulted_at is not None and booking.default_excused_at is None:
        found.append("default_excused_at")
    return found
