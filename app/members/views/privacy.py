"""隐私与授权: what is kept, what was agreed to, one's own copy, and being forgotten."""

from typing import Any

from flask import Response, current_app, g, url_for

from app.core import clock
from app.core.htmx import go, render
from app.core.security import access
from app.members import privacy, queries, rules, services
from app.members.session import sign_in
from app.members.views import blueprint


@blueprint.get("/me/privacy")
@access("member")
def show_privacy() -> Any:
    return render(
        "members/privacy.html",
        member=g.member,
        consents=queries.list_consents(g.member.id),
        purposes=rules.PURPOSES,
        withdrawing=rules.WITHDRAWING,
        mask_phone=rules.mask_phone,
        leaving=queries.find_erasure(g.member.id),
    )


@blueprint.post("/me/privacy/consents/<int:consent_id>/withdrawal")
@access("member")
def withdraw_consent(consent_id: int) -> Any:
    services.withdraw_consent(g.member.id, consent_id, clock.now())
    return go(url_for("members.show_privacy"))


@blueprint.get("/me/privacy/export")
@access("member")
def export_data() -> Any:
    """The person's own copy of everything the rooms keep, as a file."""
    text = current_app.json.dumps(privacy.export_all(g.member.id), ensure_ascii=False, indent=2)  # people read it
    response = Response(text, mimetype="application/json")
    response.headers["Content-Disposition"] = "attachment; filename=zhanting-my-data.json"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/me/privacy/erasure")
@access("member")
def show_erasure() -> Any:
    """注销账号: what goes, what stays and why, what has to end before."""
    return render(
        "members/erasure.html",
        leaving=queries.find_erasure(g.member.id),
        blocks=privacy.blocks(g.member.id),
        keeps=privacy.keeps(),
        days=rules.ERASURE_WAIT.days,
    )


@blueprint.post("/me/privacy/erasure")
@access("member")
def request_erasure() -> Any:
    services.request_erasure(g.member.id, clock.now())
    return go(url_for("members.show_erasure"))


@blueprint.post("/me/privacy/erasure/withdrawal")
@access("member")
def withdraw_erasure() -> Any:
    services.withdraw_erasure(g.member.id, clock.now())
    return go(url_for("members.show_erasure"))


@blueprint.post("/me/privacy/sessions")
@access("member")
def end_other_sessions() -> Any:
    """Sign out everywhere else: every session ends, this browser gets a new one."""
    services.end_all_sessions(g.member.id)
    sign_in(queries.get_member(g.member.id))
    return go(url_for("members.show_privacy"))
