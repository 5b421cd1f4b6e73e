"""意见反馈 in the back office: the inbox, one message with its answer."""

from flask import Blueprint, Flask, Response, request, url_for

from app.core import backoffice, clock
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.feedback import queries, rules, services
from app.feedback.forms import AnswerForm

blueprint = Blueprint("feedback_admin", __name__, url_prefix="/admin/feedback")


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "内容", "意见反馈", "feedback_admin.list_inbox", "feedback")


@blueprint.get("")
@access("admin")
def list_inbox() -> Response:
    given = request.args.get("state", rules.State.OPEN)
    state = given if given in set(rules.State) else None
    text = request.args.get("q", "")[:60]
    page = request.args.get("page", 1, type=int)
    offset = (min(max(page, 1), 1000) - 1) * queries.PAGE
    rows = queries.list_inbox(state, text, offset, queries.PAGE + 1)
    more = url_for(".list_inbox", state=given, q=text or None, page=page + 1) if len(rows) > queries.PAGE else None
    return render(
        "feedback/admin/inbox.html",
        rows=rows[: queries.PAGE],
        state=state,
        q=text,
        next=more,
        counts=queries.count_by_state(),
        states=rules.STATE_WORDS,
        kinds=rules.KIND_WORDS,
    )


@blueprint.get("/<no>")
@access("admin")
def show_message(no: str) -> Response:
    return _message_page(no, AnswerForm(answer=queries.get_feedback(no).answer))


@blueprint.post("/<no>/answer")
@access("admin")
def answer(no: str) -> Response:
    form = AnswerForm()
    if not form.validate():
        return _message_page(no, form, 422)
    services.answer_feedback(actor(), no, form.answer.data or "", clock.now())
    return go(url_for(".show_message", no=no))


@blueprint.post("/<no>/state")
@access("admin")
def set_state(no: str) -> Response:
    """Close a message, or take it up again."""
    change = services.reopen_feedback if request.form.get("to") == "open" else services.close_feedback
    change(actor(), no, clock.now())
    return go(url_for(".show_message", no=no))


def _message_page(no: str, form: AnswerForm, status: int = 200) -> Response:
    row = queries.get_feedback(no)
    return render(
        "feedback/admin/message.html",
        status=status,
        row=row,
        form=form,
        states=rules.STATE_WORDS,
        kinds=rules.KIND_WORDS,
    )
