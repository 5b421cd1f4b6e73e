"""许愿: what people ask for, put together and answered."""

from typing import Any

from flask import g, request, url_for

from app.core import clock
from app.core.errors import DomainError, NotFound
from app.core.htmx import go, render
from app.core.security import access
from app.coupons.admin_views import blueprint
from app.coupons.queries import wishes
from app.coupons.services import wish_groups


@blueprint.get("/wishes")
@access("admin")
def list_wishes() -> Any:
    """Open wishes in heaps, groups that wait for an answer, groups that have one."""
    return _page()


@blueprint.post("/wishes/groups")
@access("admin")
def group_wishes() -> Any:
    """Put the chosen ones together, or say no to them."""
    chosen, now = [_number(text) for text in request.form.getlist("wish")[:500]], clock.now()
    try:
        if request.form.get("do") == "decline":
            wish_groups.decline_wishes(g.actor, chosen, request.form.get("reason", ""), now)
            return go(url_for("coupons_admin.list_wishes"))
        group = wish_groups.group_wishes(
            g.actor, chosen, now, title=request.form.get("title", ""), group_id=_number(request.form.get("group", ""))
        )
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(refusal.message)
    return go(url_for("coupons_admin.show_group", group_id=group))


@blueprint.get("/wishes/groups/<int:group_id>")
@access("admin")
def show_group(group_id: int) -> Any:
    return _group(group_id)


@blueprint.post("/wishes/groups/<int:group_id>/answer")
@access("admin")
def answer_group(group_id: int) -> Any:
    try:
        wish_groups.answer_group(
            g.actor,
            group_id,
            clock.now(),
            campaign_slug=request.form.get("campaign", "")[:64],
            hours=_number(request.form.get("hours", "")),
            words=request.form.get("words", ""),
        )
    except DomainError as refusal:
        if isinstance(refusal, NotFound) or refusal.status != 422:
            raise
        return _group(group_id, refusal.message)
    return go(url_for("coupons_admin.show_group", group_id=group_id))


def _page(problem: str = "") -> Any:
    return render(
        "coupons/admin/wishes.html",
        status=422 if problem else 200,
        here="wishes",
        heaps=wishes.list_heaps(),
        groups=wishes.list_groups(),
        problem=problem,
        typed=request.form,
    )


def _group(group_id: int, problem: str = "") -> Any:
    group, texts = wishes.get_group(group_id)
    return render(
        "coupons/admin/wish_group.html",
        status=422 if problem else 200,
        here="wishes",
        group=group,
        wishes=texts,
        answers=wishes.list_answers(clock.now()),
        problem=problem,
        typed=request.form,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0
