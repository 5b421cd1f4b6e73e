"""The verified phone number."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import g, request, session, url_for

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render, toast, wants_fragment
from app.core.security import access
from app.core.web import limiter
from app.members import queries, rules, services
from app.members.errors import CodeTooSoon
from app.members.forms import CodeForm, PhoneForm, put_onto
from app.members.session import device_key, referring_path
from app.members.views import blueprint, secret


@blueprint.get("/me/phone")
@access("member")
def edit_phone() -> Any:
    typed = session.get(rules.TYPED, "")
    form = CodeForm(phone=g.member.phone or typed, next=rules.local_path(request.args.get("next")) or "/me")
    return render("members/phone.html", form=form, sent=False, wait_seconds=0)


@blueprint.post("/me/phone")
@access("member")
def verify_phone() -> Any:
    """Prove the number; if another account has it too, offer to join the two."""
    form = CodeForm()
    if form.validate():
        try:
            services.verify_code(g.member.id, form.phone.data or "", form.code.data or "", clock.now(), secret=secret())
        except DomainError as refusal:
            put_onto(form, refusal)
        else:
            session.pop(rules.TYPED, None)
            member = queries.get_member(g.member.id)
            if queries.find_other_account(member, clock.now()) is not None:
                return go(url_for("members.show_merge"))
            return go(rules.local_path(form.next.data) or "/me")
    return render("members/phone.html", status=422, form=form, sent=False, wait_seconds=0)


@blueprint.post("/me/phone/codes")
@access("member")
@limiter.limit("20/minute")
def send_code() -> Any:
    """Send a code to the number in the form around the button; without JavaScript the code is handed in here."""
    form = PhoneForm()
    form.next.data = rules.local_path(form.next.data) or referring_path()
    if not wants_fragment():
        form.next.data = _with_choices(form.next.data)
    wait = 0
    if form.validate():
        try:
            wait = services.request_code(
                g.member.id,
                form.phone.data or "",
                request.remote_addr or "",
                clock.now(),
                secret=secret(),
                device=device_key(),
            )
        except DomainError as refusal:
            put_onto(form, refusal)
            if isinstance(refusal, CodeTooSoon):
                wait = refusal.wait_seconds
    sent = not form.errors
    status = 200 if sent else 422
    response = render(
        "members/phone.html", "members/_phone_code.html", status=status, form=form, sent=sent, wait_seconds=wait
    )
    return toast(response, "验证码正在发出") if sent and wants_fragment() else response


def _with_choices(path: str) -> str:
    """The way back to the form around the button, with what was chosen there; a name goes by the session, not by it."""
    if name := request.form.get("name", "").strip():
        session[rules.TYPED_NAME] = name[:40]
    base, _, query = path.partition("?")
    chosen = {name: request.form[name][:40] for name in ("city", "dealer") if request.form.get(name)}
    return f"{base}?{urlencode(dict(parse_qsl(query)) | chosen)}" if chosen else path
