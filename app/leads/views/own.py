"""我的询价: the answers beside each other, the conversation with each store, and the number's own switch."""

from collections.abc import Callable
from typing import Any

from flask import Response, g, make_response, request, url_for

from app.core import clock, ids
from app.core.errors import DomainError
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor, limiter
from app.leads import rules
from app.leads.forms import LineForm, RevealForm
from app.leads.queries import own
from app.leads.services import displaced, escalation, number, progress, talk
from app.leads.views import blueprint
from app.members import queries as members
from app.members.rules import mask_phone


@blueprint.get("/me/enquiries")
@access("member")
def list_enquiries() -> Response:
    return render(
        "leads/enquiries.html", lines=own.list_enquiries(g.member.id), kinds=rules.KINDS, words=rules.MEMBER_WORDS
    )


@blueprint.get("/me/enquiries/<no>")
@access("member")
def show_enquiry(no: str) -> Response:
    """The page, or for htmx (asked every fifteen seconds) the part of it that changes."""
    now, enquiry = clock.now(), own.find_enquiry(no, g.member.id)
    rows = own.list_rows(enquiry, now)
    return render(
        "leads/enquiry.html",
        "leads/_enquiry.html",
        enquiry=enquiry,
        rows=rows,
        kinds=rules.KINDS,
        included=rules.INCLUDED,
        quote_words=rules.QUOTE_WORDS,
    )


@blueprint.get("/me/enquiries/<no>/stores/<slug>")
@access("member")
def show_thread(no: str, slug: str) -> Response:
    return _thread(no, slug)


@blueprint.get("/me/enquiries/<no>/stores/<slug>/news")
@access("member")
def show_news(no: str, slug: str) -> Response:
    """Asked by the open page: nothing while it says what is so, else the conversation anew."""
    if not wants_fragment():
        return go(url_for("leads.show_thread", no=no, slug=slug))
    thread = own.get_thread(no, slug, g.member.id, clock.now())
    if request.args.get("seen") == thread.mark:
        return make_response("", 204)
    return render("leads/_thread.html", **_shown(thread))


@blueprint.post("/me/enquiries/<no>/stores/<slug>/messages")
@access("member")
@limiter.limit("30/minute")
def say(no: str, slug: str) -> Response:
    form = LineForm()
    return _do(
        no,
        slug,
        lambda: talk.say_own(actor(), no, slug, form.body.data or "", form.nonce.data or "", clock.now()),
        form,
    )


@blueprint.post("/me/enquiries/<no>/stores/<slug>/number")
@access("member")
@limiter.limit("20/minute")
def reveal(no: str, slug: str) -> Response:
    form = RevealForm()
    return _do(
        no,
        slug,
        lambda: number.reveal(actor(), no, slug, form.name.data or "", form.text.data or "", clock.now()),
    )


@blueprint.post("/me/enquiries/<no>/stores/<slug>/number/withdrawal")
@access("member")
def hide(no: str, slug: str) -> Response:
    return _do(no, slug, lambda: number.hide(actor(), no, slug, clock.now()))


@blueprint.post("/me/enquiries/<no>/stores/<slug>/end")
@access("member")
def end(no: str, slug: str) -> Response:
    return _do(no, slug, lambda: progress.end_own(actor(), no, slug, clock.now()))


@blueprint.post("/me/enquiries/<no>/stores/<slug>/stop")
@access("member")
def stop(no: str, slug: str) -> Response:
    """停止联系: final."""
    return _do(no, slug, lambda: progress.stop_own(actor(), no, slug, clock.now()))


@blueprint.post("/me/enquiries/<no>/stores/<slug>/move")
@access("member")
@limiter.limit("20/minute")
def move(no: str, slug: str) -> Response:
    """From a store that closed to the one whose button was tapped; its conversation, where the number can be shown."""
    try:
        there = displaced.move_own(actor(), no, slug, request.form.get("to", "")[:64], clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _thread(no, slug, 422, problem=refusal.message)
    return go(url_for("leads.show_thread", no=no, slug=there))


def _do(no: str, slug: str, act: Callable[[], Any], form: LineForm | None = None) -> Response:
    try:
        act()
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _thread(no, slug, 422, problem=refusal.message, form=form)
    return go(url_for("leads.show_thread", no=no, slug=slug) + "#talk")


def _thread(no: str, slug: str, status: int = 200, *, problem: str = "", form: LineForm | None = None) -> Response:
    thread = own.get_thread(no, slug, g.member.id, clock.now())
    member = members.get_member(g.member.id)
    form = form or LineForm(formdata=None)
    if not problem:
        form.nonce.data = ids.token(16)
    return render(
        "leads/thread.html",
        status=status,
        **_shown(thread),
        form=form,
        problem=problem,
        elsewhere=escalation.list_elsewhere(thread.row.lead, clock.now())[:3] if thread.row.closed else [],
        text=rules.sharing_text(thread.row.dealer.name, thread.enquiry.kind),
        proved=member.phone is not None and member.phone_verified_at is not None,
        phone=mask_phone(member.phone) if member.phone else "",
        name=thread.enquiry.contact_name or member.name,
        here=request.path,
    )


def _shown(thread: own.Thread) -> dict[str, Any]:
    return {
        "thread": thread,
        "row": thread.row,
        "enquiry": thread.enquiry,
        "kinds": rules.KINDS,
        "included": rules.INCLUDED,
        "quote_words": rules.QUOTE_WORDS,
    }
