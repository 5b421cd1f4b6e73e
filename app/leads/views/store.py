"""线索 on the staff's phone: what waits for an answer, one lead with its conversation, quote, steps and number."""

from collections.abc import Callable
from typing import Any

from flask import Response, make_response, request, url_for

from app.core import clock, ids
from app.core.errors import DomainError
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor, limiter
from app.leads import rules
from app.leads.files import as_file
from app.leads.forms import LineForm, QuoteForm, StepForm
from app.leads.queries import store
from app.leads.queries.contact import Contact
from app.leads.services import exporting, number, progress, talk
from app.leads.services.talk import OfferWish
from app.leads.views import blueprint
from app.staff.session import own_phone_only


@blueprint.get("/staff/leads")
@access("staff")
def list_leads() -> Response:
    """Asked every fifteen seconds; `show` narrows, `mine` to one's own."""
    shown, mine = request.args.get("show", ""), request.args.get("mine") == "1"
    shown = shown if shown in store.FILTERS else "todo"
    return render(
        "leads/staff/leads.html",
        "leads/staff/_leads.html",
        lines=store.list_store(_dealer_id(), clock.now(), shown, actor().id if mine else None),
        counts=store.count_store(_dealer_id()),
        filters=store.FILTERS,
        shown=shown,
        mine=mine,
        kinds=rules.KINDS,
        levels=rules.LEVEL_WORDS,
        manager=actor().role == "manager",
    )


@blueprint.get("/staff/leads/waiting")
@access("staff")
def show_waiting() -> Response:
    """The way to the leads with what waits there: a part of the staff's home."""
    if not wants_fragment():
        return go(url_for("leads.list_leads"))
    return render("leads/staff/_waiting.html", waiting=store.count_todo(_dealer_id()))


@blueprint.post("/staff/leads/export")
@access("staff")
def export_leads() -> Response:
    """The manager's own list, marked on every row."""
    own_phone_only()
    sheet = exporting.export_store(actor(), clock.now())
    return as_file(sheet.mark, sheet.content)


@blueprint.get("/staff/leads/<no>")
@access("staff")
def show_lead(no: str) -> Response:
    return _page(no)


@blueprint.get("/staff/leads/<no>/news")
@access("staff")
def show_lead_news(no: str) -> Response:
    """Asked by the open page: nothing while it says what is so, else the conversation anew."""
    if not wants_fragment():
        return go(url_for("leads.show_lead", no=no))
    view = store.get_store_lead(no, _dealer_id(), clock.now())
    if request.args.get("seen") == view.mark:
        return make_response("", 204)
    return render("leads/staff/_talk.html", **_shown(view))


@blueprint.post("/staff/leads/<no>/messages")
@access("staff")
@limiter.limit("60/minute")
def answer(no: str) -> Response:
    form = LineForm()
    return _do(
        no, lambda: talk.say_store(actor(), no, form.body.data or "", form.nonce.data or "", clock.now()), line=form
    )


@blueprint.post("/staff/leads/<no>/quote")
@access("staff")
@limiter.limit("60/minute")
def quote(no: str) -> Response:
    form = QuoteForm()
    if not form.validate():
        return _page(no, 422, quote=form)

    def act() -> None:
        included = tuple(form.included.data or ())
        wish = OfferWish(form.kind.data or "", form.fen, included, form.day, form.conditions.data or "")
        talk.make_quote(actor(), no, wish, clock.now())

    return _do(no, act, quote=form)


@blueprint.post("/staff/leads/<no>/quote/withdrawal")
@access("staff")
def withdraw_quote(no: str) -> Response:
    return _do(no, lambda: talk.withdraw_quote(actor(), no, clock.now()))


@blueprint.post("/staff/leads/<no>/step")
@access("staff")
def record_step(no: str) -> Response:
    form = StepForm()
    step, reason = form.step.data or "", form.reason.data or ""
    return _do(no, lambda: progress.record_step(actor(), no, step, reason, clock.now()))


@blueprint.post("/staff/leads/<no>/take")
@access("staff")
def take(no: str) -> Response:
    return _do(no, lambda: progress.take(actor(), no, clock.now()))


@blueprint.post("/staff/leads/<no>/stop")
@access("staff")
def stop_contact(no: str) -> Response:
    """勿扰, said to the store: final."""
    return _do(no, lambda: progress.stop_by_store(actor(), no, clock.now()))


@blueprint.post("/staff/leads/<no>/contact")
@access("staff")
def open_lead_contact(no: str) -> Response:
    """Name and number in full: asked for, recorded, shown in this very answer."""
    try:
        return _page(no, contact=number.open_contact(actor(), no, clock.now()))
    except DomainError as refusal:
        if refusal.status == 404:
            raise
        return _page(no, refusal.status, problem=refusal.message)


def _do(no: str, act: Callable[[], Any], *, line: LineForm | None = None, quote: QuoteForm | None = None) -> Response:
    try:
        act()
    except DomainError as refusal:
        if refusal.status not in (403, 422):
            raise
        if quote is not None and refusal.field and refusal.field in quote:
            quote[refusal.field].errors = [refusal.message]
            return _page(no, 422, quote=quote)
        return _page(no, refusal.status, problem=refusal.message, line=line)
    return go(url_for("leads.show_lead", no=no))


def _page(
    no: str,
    status: int = 200,
    *,
    problem: str = "",
    line: LineForm | None = None,
    quote: QuoteForm | None = None,
    contact: Contact | None = None,
) -> Response:
    view = store.get_store_lead(no, _dealer_id(), clock.now())
    line = line or LineForm(formdata=None)
    if not problem:
        line.nonce.data = ids.token(16)
    response = render(
        "leads/staff/lead.html",
        status=status,
        **_shown(view),
        line=line,
        quote_form=quote or QuoteForm(formdata=None),
        quoting=quote is not None,
        problem=problem,
        contact=contact,
        steps=[(step, rules.STAFF_WORDS[step]) for step in rules.STEPS.get(view.lead.state, ()) if step != "closed"],  # pyright: ignore[reportArgumentType, reportCallIssue]
        endings=rules.ENDINGS,
        today=clock.today(),
        open=view.lead.state in rules.OPEN,
    )
    if contact is not None:
        response.headers["Cache-Control"] = "no-store"
    return response


def _shown(view: store.StoreLead) -> dict[str, Any]:
    return {
        "view": view,
        "lead": view.lead,
        "enquiry": view.enquiry,
        "kinds": rules.KINDS,
        "sources": rules.SOURCES,
        "included": rules.INCLUDED,
        "quote_words": rules.QUOTE_WORDS,
        "levels": rules.LEVEL_WORDS,
        "event_words": rules.EVENT_WORDS,
    }


def _dealer_id() -> int:
    return actor().dealer_id or 0
