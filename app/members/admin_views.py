"""人员 → 会员: found by the last digits or the number, joined and given back; every full look is recorded."""

from typing import Any

from flask import Blueprint, Flask, abort, request, url_for

from app.core import audit, backoffice, clock
from app.core.db import transaction
from app.core.errors import DomainError, NotFound
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.members import queries, rules, services
from app.members.models import Member

blueprint = Blueprint("members_admin", __name__, url_prefix="/admin/members")


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "人员", "会员", "members_admin.find_members", "members")


@blueprint.get("")
@access("admin")
def find_members() -> Any:
    return render("members/admin/list.html", here="members", q="", rows=None, number=rules.member_no, mask=mask)


@blueprint.post("")
@access("admin")
def search_members() -> Any:
    """A search is a look at people, so it is a POST and leaves a trace; what was searched for is not kept."""
    text = request.form.get("q", "")[:24]
    rows = queries.search_members(text)
    with transaction():
        audit.record(actor(), "members_searched", "member", None, found=len(rows))
    return render("members/admin/list.html", here="members", q=text, rows=rows, number=rules.member_no, mask=mask)


@blueprint.get("/<int:member_id>")
@access("admin")
def show_member(member_id: int) -> Any:
    """Masked; the full data are shown by a POST that says why."""
    return _page(member_id)


@blueprint.post("/<int:member_id>/look")
@access("admin")
def look_at_member(member_id: int) -> Any:
    """The full name and number, once, for a reason that is kept."""
    reason = request.form.get("reason", "").strip()[:120]
    if not reason:
        return _page(member_id, 422, problem="请填写查看原因。")
    queries.get_member(member_id)
    with transaction():
        audit.record(actor(), "member_looked_at", "member", member_id, reason=reason)
    return _page(member_id, full=True)


@blueprint.post("/<int:member_id>/merges")
@access("admin")
def merge_member(member_id: int) -> Any:
    """Join another account to this one, after support made sure that both are one person's."""
    other = request.form.get("other", "").strip().upper().removeprefix("M")
    reason = request.form.get("reason", "").strip()[:120]
    if not (other.isascii() and other.isdecimal() and len(other) < 19) or not reason:
        return _page(member_id, 422, problem="请填写要并入的会员号（如 M12）和原因。")
    try:
        services.merge_members(int(other), member_id, actor(), reason, clock.now())
    except NotFound:
        return _page(member_id, 422, problem="没有这个会员号。")
    except DomainError as refusal:
        return _page(member_id, 422, problem=refusal.message)
    return go(url_for("members_admin.show_member", member_id=member_id))


@blueprint.post("/<int:member_id>/merges/<int:merge_id>/undo")
@access("admin")
def undo_merge(member_id: int, merge_id: int) -> Any:
    if merge_id not in queries.list_merge_ids(member_id):
        abort(404)
    reason = request.form.get("reason", "").strip()[:120]
    if not reason:
        return _page(member_id, 422, problem="请填写撤销原因。")
    try:
        services.undo_merge(merge_id, actor(), reason, clock.now())
    except DomainError as refusal:
        return _page(member_id, 422, problem=refusal.message)
    return go(url_for("members_admin.show_member", member_id=member_id))


def mask(member: Member) -> str:
    """What a page may show unasked."""
    return rules.mask_phone(member.phone) if member.phone else "没有手机号"


def _page(member_id: int, status: int = 200, *, full: bool = False, problem: str = "") -> Any:
    member = queries.get_member(member_id)
    return render(
        "members/admin/member.html",
        status=status,
        here="members",
        member=member,
        full=full,
        problem=problem,
        identities=queries.list_identities(member_id),
        merges=queries.list_merges(member_id),
        leaving=queries.find_erasure(member_id),
        number=rules.member_no,
        mask=mask,
    )
