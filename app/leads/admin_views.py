"""交易 → 线索: headquarters' list with filters, one lead, re-dispatch, promises, export and the trace of a mark."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Flask, Response, g, request, url_for

from app.core import backoffice, clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.leads import rules
from app.leads.files import as_file
from app.leads.forms import MoveForm, PromiseForm, number_of
from app.leads.queries import office
from app.leads.queries.contact import Contact
from app.leads.queries.office import Filters
from app.leads.services import escalation, exporting, number
from app.leads.services.telling import TOPIC
from app.members.rules import mask_phone

blueprint = Blueprint("lead_admin", __name__, url_prefix="/admin/leads")


@blueprint.get("")
@access("admin")
def list_leads() -> Response:
    return _list(_filters(request.args))


@blueprint.post("/export")
@access("admin")
def export_leads() -> Response:
    """The list as it is filtered, with a reason; every row carries the mark of this export."""
    filters = _filters(request.form)
    try:
        sheet = exporting.export_office(g.actor, filters, request.form.get("reason", ""), clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _list(filters, 422, refusal.message)
    return as_file(sheet.mark, sheet.content)


@blueprint.get("/trace")
@access("admin")
def trace_mark() -> Response:
    """Whose copy a mark was on."""
    mark = request.args.get("mark", "")[:16]
    return render(
        "leads/admin/trace.html",
        here="leads",
        mark=mark,
        found=office.trace(mark) if mark.strip() else None,
        kinds=rules.KINDS,
    )


@blueprint.get("/promises")
@access("admin")
def list_promises() -> Response:
    return _promises()


@blueprint.post("/promises")
@access("admin")
def set_promise() -> Response:
    form = PromiseForm()
    try:
        escalation.set_promise(
            g.actor, number_of(form.dealer.data), form.hours.data or 0, bool(form.takes.data), clock.now()
        )
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _promises(422, refusal.message)
    return go(url_for("lead_admin.list_promises", q=request.args.get("q") or None))


@blueprint.get("/<no>")
@access("admin")
def show_lead(no: str) -> Response:
    return _page(no)


@blueprint.post("/<no>/contact")
@access("admin")
def open_contact(no: str) -> Response:
    """Name and number in full, with a reason; recorded."""
    reason = request.form.get("reason", "").strip()[: rules.REASON_LENGTH]
    if not reason:
        return _page(no, 422, problem="请填写查看原因。")
    try:
        return _page(no, contact=number.office_contact(g.actor, no, reason, clock.now()))
    except DomainError as refusal:
        if refusal.status == 404:
            raise
        return _page(no, refusal.status, problem=refusal.message)


@blueprint.post("/<no>/move")
@access("admin")
def move_lead(no: str) -> Response:
    """转派: to a store by name, or to the one the dispatch chooses."""
    form = MoveForm()
    try:
        moved = escalation.move(g.actor, no, (form.dealer.data or "").strip(), form.reason.data or "", clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(no, 422, problem=refusal.message)
    return go(url_for("lead_admin.show_lead", no=moved))


def _list(filters: Filters, status: int = 200, problem: str = "") -> Response:
    now = clock.now()
    return render(
        "leads/admin/leads.html",
        status=status,
        here="leads",
        rows=office.search(filters, now),
        given=filters.plain(),
        found=office.FOUND,
        problem=problem,
        dealers=office.list_dealers_with_leads(),
        kinds=rules.KINDS,
        sources=rules.SOURCES,
        states=rules.STAFF_WORDS,
        levels=rules.LEVEL_WORDS,
        late=office.count_late(now),
        recent=office.count_kinds(now),
        pushes=office.count_pushes(TOPIC),
        mask=mask_phone,
        alias=rules.alias,
        now=now,
    )


def _page(no: str, status: int = 200, *, problem: str = "", contact: Contact | None = None) -> Response:
    now = clock.now()
    view = office.get_lead(no, now)
    movable = view.line.lead.state in ("new", "called")
    response = render(
        "leads/admin/lead.html",
        status=status,
        here="leads",
        view=view,
        lead=view.line.lead,
        enquiry=view.line.enquiry,
        dealer=view.line.dealer,
        elsewhere=escalation.list_elsewhere(view.line.lead, now)[:6] if movable else [],
        movable=movable,
        problem=problem,
        contact=contact,
        kinds=rules.KINDS,
        sources=rules.SOURCES,
        states=rules.STAFF_WORDS,
        levels=rules.LEVEL_WORDS,
        quote_words=rules.QUOTE_WORDS,
        event_words=rules.EVENT_WORDS,
        mask=mask_phone,
        alias=rules.alias,
    )
    if contact is not None:
        response.headers["Cache-Control"] = "no-store"
    return response


def _promises(status: int = 200, problem: str = "") -> Response:
    text = request.args.get("q", "")[:40]
    return render(
        "leads/admin/promises.html",
        status=status,
        here="leads",
        rows=office.list_promises(text),
        q=text,
        usual=rules.PROMISE_HOURS,
        problem=problem,
    )


def _filters(values: Mapping[str, Any]) -> Filters:
    """What is asked for; what no lead could have is left out."""

    def known(name: str, choices: Mapping[str, str]) -> str:
        value = str(values.get(name, ""))
        return value if value in choices else ""

    def day(name: str) -> date | None:
        try:
            return clock.read_day(str(values.get(name, "")))
        except ValueError:
            return None

    states = {str(state): words for state, words in rules.STAFF_WORDS.items()}
    return Filters(
        state=known("state", states),
        kind=known("kind", rules.KINDS),
        source=known("source", rules.SOURCES),
        dealer=str(values.get("dealer", ""))[:64],
        late=values.get("late") == "1",
        first=day("first"),
        last=day("last"),
    )


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "交易", "线索", "lead_admin.list_leads", "leads")
