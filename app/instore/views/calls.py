"""叫顾问 and 签到: the shopper's waiting page, and the staff's list."""

from typing import Any

from flask import Response, g, make_response, request, session, url_for
from flask_limiter.util import get_remote_address

from app.core import clock
from app.core.db import db
from app.core.errors import DomainError, NotFound
from app.core.htmx import go, render, toast, wants_fragment
from app.core.security import access
from app.core.web import actor, limiter
from app.dealers.models import Dealer
from app.instore import rules
from app.instore.queries import desk, landing
from app.instore.rules import CallKind, CallState
from app.instore.services import calls
from app.instore.views import blueprint
from app.staff.session import current_staff
from app.visits.session import touch


def _browser() -> str:
    """Whom a limit counts: the browser, since a store's Wi-Fi is one address for everybody in it."""
    return str(session.get("device") or get_remote_address())


@blueprint.post("/q/<code>/calls")
@access("public")
@limiter.limit("120/hour", key_func=get_remote_address)
@limiter.limit("6/10minutes", key_func=_browser)
def ask(code: str) -> Response:
    """叫顾问, 签到. No login: the address of the answer is all that is known of who asked."""
    g.private = True
    stand, now = landing.get_stand(code), clock.now()
    kind = CallKind.CHECK_IN if request.form.get("kind") == CallKind.CHECK_IN else CallKind.CALL
    try:
        made = calls.ask(stand, kind, request.form.get("key", "")[:40], now, touch=touch(request))
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return render("instore/refused.html", status=422, stand=stand, message=refusal.message, **_bare())
    return go(url_for("instore.show_call", ref=made.ref))


@blueprint.get("/q/calls/<ref>")
@access("public")
def show_call(ref: str) -> Response:
    """Whoever holds the address waits here; the page asks by itself while it is looked at."""
    return _call_page(ref)


@blueprint.get("/q/calls/<ref>/state")
@access("public")
def show_call_state(ref: str) -> Response:
    """The same as a fragment; 204 while nothing changed."""
    g.private = True
    line = desk.get_call(ref, clock.now())
    if request.args.get("seen") == line.state:
        return make_response("", 204)
    return _call_page(ref)


@blueprint.post("/q/calls/<ref>/withdrawal")
@access("public")
def withdraw(ref: str) -> Response:
    g.private = True
    desk.get_call(ref, clock.now())
    calls.withdraw(ref, clock.now())
    return go(url_for("instore.show_call", ref=ref))


def _call_page(ref: str) -> Response:
    g.private = True
    line = desk.get_call(ref, clock.now())
    dealer = db.session.get_one(Dealer, line.dealer_id)
    return render(
        "instore/call.html",
        "instore/_call.html",
        line=line,
        dealer=dealer,
        open=line.state in rules.OPEN,
    )


def _bare() -> dict[str, Any]:
    return {"minutes": int(rules.CALL_LIFE.total_seconds() // 60)}


# ---- the staff's side ----


@blueprint.get("/staff/calls")
@access("staff")
def list_calls() -> Response:
    """Who waits in the store, and the day's calls."""
    dealer_id, now = current_staff().dealer_id, clock.now()
    lines = desk.list_recent_calls(dealer_id, now)
    return render(
        "instore/calls.html",
        "instore/_calls.html",
        waiting=[line for line in lines if line.state in rules.OPEN][::-1],
        past=[line for line in lines if line.state not in rules.OPEN],
        words=STATE_WORDS,
    )


@blueprint.get("/staff/calls/waiting")
@access("staff")
def show_waiting() -> Response:
    """One line for the staff's home, asked for every few seconds: 204 when nobody waits."""
    lines = desk.list_open_calls(current_staff().dealer_id, clock.now())
    return render("instore/_waiting.html", lines=[line for line in lines if line.state is CallState.WAITING])


@blueprint.post("/staff/calls/<int:call_id>/answer")
@access("staff")
def answer(call_id: int) -> Response:
    """马上来"""
    return _acted(call_id, "已告诉客户您马上来", calls.answer)


@blueprint.post("/staff/calls/<int:call_id>/close")
@access("staff")
def close(call_id: int) -> Response:
    """已接待"""
    return _acted(call_id, "已记为接待完成", calls.close)


def _acted(call_id: int, words: str, act: Any) -> Response:
    kind = "ok"
    try:
        act(actor(), call_id, clock.now())
    except NotFound:
        raise
    except DomainError as refusal:
        if not wants_fragment():
            raise
        words, kind = refusal.message, "err"
    return toast(list_calls(), words, kind) if wants_fragment() else go(url_for("instore.list_calls"))


STATE_WORDS = {
    CallState.WAITING: "等待中",
    CallState.ANSWERED: "有人过去了",
    CallState.DONE: "已接待",
    CallState.EXPIRED: "无人应答",
    CallState.WITHDRAWN: "客户取消",
}
