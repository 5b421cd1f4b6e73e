"""门店提交 in the back office: the queue, old beside new, approve, send back, take down."""

from typing import Any

from flask import Blueprint, Flask, Response, request, url_for

from app.core import backoffice, clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.dealers.errors import RulesBroken
from app.dealers.facts import KIND_WORDS, STATE_WORDS, Kind, State
from app.dealers.queries import submissions as read
from app.dealers.services import reviewing

blueprint = Blueprint("dealers_admin", __name__, url_prefix="/admin/submissions")


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "内容", "门店提交", "dealers_admin.list_submissions", "submissions")


@blueprint.get("")
@access("admin")
def list_submissions() -> Response:
    state = request.args.get("state", "")
    state = state if state in set(State) else State.WAITING
    text, page = request.args.get("q", "")[:60], min(max(request.args.get("page", 1, type=int), 1), 10_000)
    rows = read.list_queue(state, text, read.PAGE + 1, (page - 1) * read.PAGE)
    more = url_for(".list_submissions", state=state, q=text or None, page=page + 1) if len(rows) > read.PAGE else None
    return render(
        "dealers/admin/list.html",
        rows=rows[: read.PAGE],
        state=state,
        q=text,
        more=more,
        counts=read.count_states(),
        kinds=KIND_WORDS,
        states=STATE_WORDS,
    )


@blueprint.get("/<no>")
@access("admin")
def show_submission(no: str) -> Response:
    return _page(no)


@blueprint.post("/<no>/approval")
@access("admin")
def approve(no: str) -> Response:
    return _decide(no, lambda: reviewing.approve(actor(), no, request.form.get("seen", ""), clock.now()))


@blueprint.post("/<no>/return")
@access("admin")
def send_back(no: str) -> Response:
    return _decide(no, lambda: reviewing.send_back(actor(), no, request.form.get("reason", ""), clock.now()))


@blueprint.post("/<no>/removal")
@access("admin")
def take_down(no: str) -> Response:
    row, now = read.get_submission(no), clock.now()
    target = read.find_published(row, now) if row.kind != Kind.FACTS else None
    if target is None:
        return _page(no, "已经结束或下架了，不需要再操作。", 422)
    reason, kind = request.form.get("reason", ""), Kind(row.kind)
    return _decide(no, lambda: reviewing.take_down(actor(), kind, target.id, reason, now))


def _decide(no: str, do: Any) -> Response:
    """One decision, then the page again; a refusal is a sentence on it, the comparison is new."""
    try:
        do()
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        # The rules stand on the page by themselves.
        return _page(no, RulesBroken.message if isinstance(refusal, RulesBroken) else refusal.message, 422)
    return go(url_for(".show_submission", no=no))


def _page(no: str, problem: str = "", status: int = 200) -> Response:
    row, now = read.get_submission(no), clock.now()
    live = read.find_published(row, now) if row.kind != Kind.FACTS and row.state == State.APPROVED else None
    return render(
        "dealers/admin/show.html",
        status=status,
        row=row,
        diff=read.diff_of(row, now),
        preview=read.preview_of(row, now),
        live=live,
        others=[other for other in read.list_of_store(row.dealer_id, 12) if other.id != row.id],
        kinds=KIND_WORDS,
        states=STATE_WORDS,
        problem=problem,
        reason=request.form.get("reason", ""),
        now=now,
    )
