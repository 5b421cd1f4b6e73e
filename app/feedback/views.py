"""意见反馈 for everybody: the form, what became of it, one's own list."""

from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Flask, Response, g, request

from app.core import clock, ids
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import VISITOR, Actor, access
from app.core.web import limiter
from app.feedback import queries, rules, services
from app.feedback.errors import FeedbackNotFound
from app.feedback.forms import FeedbackForm
from app.feedback.receipts import is_genuine, receipt_path
from app.members import privacy
from app.members.session import current_member, referring_path

log = structlog.get_logger(__name__)
blueprint = Blueprint("feedback", __name__)


def register(app: Flask) -> None:
    """Called once by the factory."""
    privacy.register("feedback", export=queries.export_own, erase=services.erase_own, reassign=services.reassign_own)
    app.jinja_env.globals.update(feedback_receipt=receipt_path, feedback_said=rules.said)


@blueprint.get("/feedback/new")
@access("public")
def new_feedback() -> Response:
    """The form. The page it is about is where the visitor came from; the request id comes with the link, if it can."""
    g.private = True
    form = FeedbackForm(
        formdata=None,
        page=rules.clean_page(request.args.get("page", "")) or _came_from(),
        request_id=rules.clean_request_id(request.args.get("r", "")),
        idempotency_key=ids.token(16),
    )
    return render("feedback/new.html", form=form)


@blueprint.post("/feedback")
@access("public")
@limiter.limit("10/minute;300/day")
def send_feedback() -> Response:
    g.private = True
    form = FeedbackForm()
    if form.by_machine:
        log.info("feedback_by_machine")
        return render("feedback/thanks.html")
    if not form.validate():
        return render("feedback/new.html", status=422, form=form)
    try:
        no = services.send_feedback(visitor(), message_of(form, form.kind.data or ""), clock.now())
    except DomainError as refusal:
        if refusal.field is None:
            raise
        form[refusal.field].errors = [refusal.message]
        return render("feedback/new.html", status=422, form=form)
    return go(receipt_path(no))


def message_of(form: FeedbackForm, kind: str) -> services.Message:
    """What was typed, for the service."""
    return services.Message(
        kind=kind,
        text=form.text.data or "",
        key=form.idempotency_key.data or "",
        page=form.page.data or "",
        request_id=form.request_id.data or "",
        contact=form.contact.data or "",
        consented=bool(form.consent.data),
    )


def visitor() -> Actor:
    """Who writes: a member when one is signed in."""
    member = current_member()
    return Actor("member", member.id) if member else VISITOR


@blueprint.get("/feedback/<no>/<signature>")
@access("public")
def show_receipt(no: str, signature: str) -> Response:
    """The number, what was written and the answer, for whoever holds the link."""
    g.private = True
    if not is_genuine(no, signature):
        raise FeedbackNotFound
    return render("feedback/receipt.html", row=queries.get_feedback(no), words=rules.OWN_WORDS)


@blueprint.get("/me/feedback")
@access("member")
def list_own() -> Response:
    return render("feedback/own.html", rows=queries.list_own(g.member.id), words=rules.OWN_WORDS)


def _came_from() -> str:
    path = referring_path() if request.referrer else ""
    return "" if urlsplit(path).path.startswith("/feedback") else rules.clean_page(path)
