"""系统 → 消息: what was sent and what became of it, the templates, the automatic answers."""

from typing import Any

from flask import Blueprint, Flask, abort, request, url_for

from app.core import backoffice, clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.messages import queries, rules
from app.messages.forms import ReplyForm
from app.messages.services import settings as own

blueprint = Blueprint("messages_admin", __name__, url_prefix="/admin/messages")


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "系统", "消息", "messages_admin.list_deliveries", "messages")


@blueprint.get("")
@access("admin")
def list_deliveries() -> Any:
    state = request.args.get("state", "")
    state = state if state in rules.STATE_WORDS else ""
    rows = queries.list_deliveries(state, request.args.get("before", type=int))
    return render(
        "messages/admin/deliveries.html",
        here="messages",
        rows=rows,
        more=rows[-1].id if len(rows) == 50 else None,
        state=state,
        counts=queries.count_deliveries(),
        account=queries.read_account(),
        rules=rules,
    )


@blueprint.get("/templates")
@access("admin")
def list_templates() -> Any:
    return _templates()


@blueprint.post("/templates/<purpose>")
@access("admin")
def set_template(purpose: str) -> Any:
    if purpose not in rules.PURPOSES:
        abort(404)
    fields = {word: request.form.get(word, "") for word in rules.PURPOSES[purpose].words}
    try:
        own.set_template(purpose, request.form.get("template_id", ""), fields, actor(), clock.now())
    except DomainError as refusal:
        return _templates(422, {purpose: refusal.message})
    return go(url_for("messages_admin.list_templates"))


def _templates(status: int = 200, problems: dict[str, str] | None = None) -> Any:
    return render(
        "messages/admin/templates.html",
        status=status,
        here="messages",
        known=queries.list_templates(),
        rules=rules,
        problems=problems or {},
        typed=request.form,
    )


@blueprint.get("/replies")
@access("admin")
def list_replies() -> Any:
    return _replies(ReplyForm())


@blueprint.post("/replies")
@access("admin")
def set_reply() -> Any:
    form = ReplyForm()
    if not form.validate():
        return _replies(form, 422)
    try:
        own.set_reply(form.kind.data, form.keyword.data or "", form.answer.data or "", actor(), clock.now())
    except DomainError as refusal:
        form.answer.errors = [*form.answer.errors, refusal.message]
        return _replies(form, 422)
    return go(url_for("messages_admin.list_replies"))


@blueprint.post("/replies/<int:rule_id>/removal")
@access("admin")
def remove_reply(rule_id: int) -> Any:
    own.remove_reply(rule_id, actor())
    return go(url_for("messages_admin.list_replies"))


def _replies(form: ReplyForm, status: int = 200) -> Any:
    return render(
        "messages/admin/replies.html",
        status=status,
        here="messages",
        form=form,
        known=queries.list_reply_rules(),
        words=rules.REPLY_WORDS,
    )
