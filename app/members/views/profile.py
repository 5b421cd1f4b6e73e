"""我的资料: picture and name from WeChat after a tap; two accounts of one person become one."""

from typing import Any

from flask import Response, abort, g, make_response, redirect, request, session, url_for

from app.core import clock
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor, settings
from app.gateways.wechat.ua import parse_user_agent
from app.members import queries, rules, services
from app.members.errors import ProofStale
from app.members.models import Member
from app.members.views import blueprint
from app.members.views.login import PROOF, depart


@blueprint.get("/me/profile")
@access("member")
def show_profile() -> Any:
    return render(
        "members/profile.html",
        member=g.member,
        number=rules.member_no(g.member.id),
        identities=queries.list_identities(g.member.id),
        app_id=settings().wechat_app_id,
        adopted=queries.has_consent(g.member.id, rules.PROFILE),
        text=rules.PROFILE_TEXT,
        other=queries.find_other_account(g.member, clock.now()),
        mask_phone=rules.mask_phone,
    )


@blueprint.post("/me/profile/wechat")
@access("member")
def adopt_profile() -> Any:
    """The tap on 使用微信头像和昵称: WeChat asks the person, then it comes back here."""
    hints = parse_user_agent(request.user_agent.string)
    if not hints.wechat and settings().production:
        return redirect(url_for("members.start_login", next=url_for("members.show_profile")), 303)
    return depart(url_for("members.show_profile"), url_for("members.show_profile"), profile=True)


@blueprint.get("/me/avatar")
@access("member")
def show_avatar() -> Response:
    """The member's own picture, for nobody else."""
    avatar = queries.find_avatar(g.member.id) or abort(404)
    response = make_response(avatar.content)
    response.mimetype = "image/webp"
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(f"{int(avatar.fetched_at.timestamp())}")
    return response


@blueprint.get("/me/merge")
@access("member")
def show_merge() -> Any:
    """合并账号: what is joined, once both accounts were proved."""
    other, fresh = _other(g.member)
    if other is None:
        return redirect(url_for("members.show_profile"))
    return render(
        "members/merge.html",
        member=g.member,
        other=other,
        fresh=fresh,
        number=rules.member_no,
        mask_phone=rules.mask_phone,
    )


@blueprint.post("/me/merge")
@access("member")
def merge() -> Any:
    """Join the other account to this one. ProofStale when either proof is too old."""
    other, fresh = _other(g.member)
    if other is None:
        return go(url_for("members.show_profile"))
    if not fresh:
        raise ProofStale
    services.merge_members(other.id, g.member.id, actor(), "本人验证后合并", clock.now())
    session.pop(PROOF, None)
    return go(url_for("members.show_merged"))


@blueprint.get("/me/merge/done")
@access("member")
def show_merged() -> Any:
    return render("members/merged.html", number=rules.member_no(g.member.id))


def _other(member: Member) -> tuple[Member | None, bool]:
    """The account to join, and whether it was proved just now: through WeChat in this browser, or by the number."""
    now = clock.now()
    proof = session.get(PROOF)
    if isinstance(proof, list) and len(proof) == 2 and now.timestamp() - proof[1] < rules.PROOF_LIFE.total_seconds():
        found = queries.find_member(int(proof[0]))
        if found is not None and queries.is_living(found) and found.id != member.id:
            return found, True
    proved = member.phone_verified_at
    return queries.find_other_account(member, now), proved is not None and now - proved < rules.PROOF_LIFE
