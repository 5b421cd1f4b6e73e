"""The official account's pushes, and the member's own list of messages."""

from typing import Any, cast

import structlog
from flask import Blueprint, Response, g, make_response, request, url_for

from app.core import clock, ids
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import settings
from app.gateways.wechat.push import (
    MAX_BODY,
    PushKeys,
    PushQuery,
    PushRefused,
    check_address,
    encrypt_reply,
    open_push,
    text_reply,
)
from app.messages import queries, rules
from app.messages.services import events, notices

log = structlog.get_logger(__name__)
blueprint = Blueprint("messages", __name__)


@blueprint.get("/wechat/events")
@access("signed")
def verify_push_address() -> Response:
    """WeChat asks once whether this address is ours: answers what it was given, if the signature is right."""
    try:
        check_address(_keys(), _query(), clock.now())
    except PushRefused as refusal:
        return _refused(refusal)
    return _plain(request.args.get("echostr", "")[:256])


@blueprint.post("/wechat/events")
@access("signed")
def receive_push() -> Response:
    """Check, keep, answer. Whatever follows from a push is done by the worker, so that five seconds are enough."""
    if (request.content_length or 0) > MAX_BODY:
        return _refused(PushRefused("size"), 413)
    keys, query, now = _keys(), _query(), clock.now()
    try:
        message = open_push(keys, query, request.get_data(cache=False)[: MAX_BODY + 1], now)
    except PushRefused as refusal:
        return _refused(refusal)
    events.receive(message, now)
    reply = events.quick_reply(message)
    if reply is None:
        return _plain("success")
    answer = text_reply(message, reply, now)
    if query.encrypted:
        answer = encrypt_reply(keys, answer, str(int(now.timestamp())), ids.token(8))
    return _plain(answer, "application/xml")


def _keys() -> PushKeys:
    own = settings()
    token, aes_key = own.wechat_token.get_secret_value(), own.wechat_aes_key.get_secret_value()
    return PushKeys(token, aes_key, own.wechat_app_id, own.pushes_sealed)


def _query() -> PushQuery:
    given = request.args
    return PushQuery(
        timestamp=given.get("timestamp", "")[:32],
        nonce=given.get("nonce", "")[:128],
        signature=given.get("signature", "")[:64],
        msg_signature=given.get("msg_signature", "")[:64],
        encrypted=given.get("encrypt_type") == "aes",
    )


def _refused(refusal: PushRefused, status: int = 403) -> Response:
    log.warning("push_refused", reason=refusal.reason)
    return _plain("refused", status=status)


def _plain(text: str, kind: str = "text/plain", status: int = 200) -> Response:
    response = make_response(text, status)
    response.mimetype = kind
    response.headers["Cache-Control"] = "no-store"
    return response


# ---- one's own messages ----


@blueprint.get("/me/messages")
@access("member")
def list_messages() -> Response:
    """消息, newest first; looking does not mark them, the page then says so by itself (or by a button)."""
    before = request.args.get("before", type=int)
    rows = queries.list_inbox(g.member.id, before)
    more = rows[-1].id if len(rows) == rules.INBOX_PAGE else None
    return render(
        "messages/list.html",
        "messages/_rows.html" if before else None,
        rows=rows,
        more=more,
        unread=queries.count_unread(g.member.id),
        newest=rows[0].id if rows else 0,
        allowed=[] if before else queries.list_open_consents(g.member.id, notices.secret()),
    )


@blueprint.post("/me/messages/read")
@access("member")
def read_messages() -> Response:
    """The member has seen everything up to the newest message on the page."""
    up_to = request.form.get("up_to", type=int) or 0
    notices.read_inbox(g.member.id, max(0, min(up_to, 2**62)), clock.now())
    return go(url_for("messages.list_messages"))


@blueprint.post("/me/messages/consents/withdrawal")
@access("member")
def withdraw_consents() -> Response:
    """撤回: no WeChat notice any more until the next consent; the list here goes on."""
    notices.withdraw_own_consents(g.member.id, clock.now())
    return go(url_for("messages.list_messages"))


@blueprint.get("/me/messages/consents")
@access("member")
def show_consent_button() -> Response:
    """A fragment for pages where something will happen later: asks WeChat's consent for the notices about it."""
    asked = tuple(word for word in request.args.get("for", "").split(",") if word in rules.PURPOSES)
    askable = queries.list_askable(asked)
    titles = [rules.PURPOSES[word].title for word in askable]
    return render("messages/_subscribe.html", templates=list(dict.fromkeys(askable.values())), titles=titles)


@blueprint.app_context_processor
def _unread() -> dict[str, Any]:
    """`unread_messages(member_id)` for 我的."""
    return {"unread_messages": cast(Any, queries.count_unread)}
