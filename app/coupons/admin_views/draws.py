"""夺券: prepared, published, followed, drawn or cancelled. What was published is never changed."""

from datetime import datetime
from typing import Any

from flask import g, request, url_for

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import settings
from app.coupons.admin_views import blueprint
from app.coupons.errors import DrawBusy
from app.coupons.queries import draws
from app.coupons.rules.draws import DISCLOSURES
from app.coupons.services import draw_office


@blueprint.get("/draws")
@access("admin")
def list_draws() -> Any:
    return render(
        "coupons/admin/draws.html",
        here="draws",
        rows=draws.list_office(),
        enabled=settings().draws_enabled,
        now=clock.now(),
    )


@blueprint.get("/draws/<slug>")
@access("admin")
def show_office_draw(slug: str) -> Any:
    return _page(slug)


@blueprint.post("/draws/<slug>")
@access("admin")
def prepare_draw(slug: str) -> Any:
    """Write down what is to be published; nothing is public yet."""
    try:
        draw_office.prepare(g.actor, slug, _plan(), clock.now())
    except DomainError as refusal:
        return _refused(slug, refusal)
    return go(url_for("coupons_admin.show_office_draw", slug=slug))


@blueprint.post("/draws/<slug>/publication")
@access("admin")
def publish_draw(slug: str) -> Any:
    try:
        draw_office.publish(g.actor, slug, clock.now(), enabled=settings().draws_enabled)
    except DomainError as refusal:
        return _refused(slug, refusal)
    return go(url_for("coupons_admin.show_office_draw", slug=slug))


@blueprint.post("/draws/<slug>/result")
@access("admin")
def reveal_draw(slug: str) -> Any:
    """The public number is typed twice: it decides, and is never changed."""
    beacon, again = (" ".join(request.form.get(name, "").split()) for name in ("beacon", "again"))
    try:
        if beacon != again:
            raise DrawBusy("两次填写的公开随机数不一样，请核对。")
        draw_office.reveal(g.actor, slug, beacon, clock.now())
    except DomainError as refusal:
        return _refused(slug, refusal)
    return go(url_for("coupons_admin.show_office_draw", slug=slug))


@blueprint.post("/draws/<slug>/cancellation")
@access("admin")
def cancel_draw(slug: str) -> Any:
    try:
        draw_office.void(g.actor, slug, request.form.get("reason", ""), clock.now())
    except DomainError as refusal:
        return _refused(slug, refusal)
    return go(url_for("coupons_admin.show_office_draw", slug=slug))


def _plan() -> draw_office.Plan:
    given = request.form
    winners = given.get("winners", "")
    return draw_office.Plan(
        winners=int(winners) if winners.isascii() and winners.isdecimal() and len(winners) < 7 else 0,
        draws_at=_moment(given.get("draws_at", "")),
        beacon_source=" ".join(given.get("beacon_source", "").split()),
        organiser=" ".join(given.get("organiser", "").split()),
        disclosures={name: given.get(name, "") for name in DISCLOSURES},
    )


def _moment(text: str) -> datetime:
    try:
        return clock.read_wall(text)
    except ValueError:
        raise DrawBusy("请填写开奖日期和时间。") from None


def _refused(slug: str, refusal: DomainError) -> Any:
    if refusal.status != 422:
        raise refusal
    return _page(slug, refusal.message)


def _page(slug: str, problem: str = "") -> Any:
    now, office = clock.now(), draws.get_office(slug)
    draw = office.draw
    return render(
        "coupons/admin/draw.html",
        status=422 if problem else 200,
        here="draws",
        office=office,
        campaign=office.campaign,
        draw=draw,
        own=draw.prizes.get("own", {}) if draw is not None else {},
        organiser=draw.prizes.get("organiser", "") if draw is not None else "",
        fields=DISCLOSURES,
        problems=draw_office.problems(slug, now) if draw is not None and draw.state == "draft" else [],
        enabled=settings().draws_enabled,
        local=clock.local,
        problem=problem,
        typed=request.form,
        now=now,
    )
