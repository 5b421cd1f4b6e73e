"""摇一摇: the odds first, then a button; a phone that is shaken presses it. The server throws the dice."""

from typing import Any

from flask import Response, g, request, url_for

from app.core import clock, ids
from app.core.errors import DomainError
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor
from app.coupons import queries
from app.coupons.forms import ShakeForm
from app.coupons.queries.games import ShakePage, get_shake_page
from app.coupons.services import shake as services
from app.coupons.services import ways
from app.coupons.services.shake import Place, Shaken
from app.coupons.views import blueprint
from app.dealers.geo import wgs84_to_gcj02
from app.members.session import current_member, login_url
from app.visits.session import touch


@blueprint.get("/coupons/<slug>/shakes/new")
@access("public")
def new_shake(slug: str) -> Response:
    """Odds, tries and the button. `last` names the try that was made without JavaScript."""
    g.private = True
    member, last = current_member(), request.args.get("last", "")[:64]
    form = ShakeForm(formdata=None, key=ids.token(16), p=_code(slug))
    found = services.find_shaken(member.id, slug, last, clock.now()) if member is not None and last else None
    return _page(slug, form, found)


@blueprint.post("/coupons/<slug>/shakes")
@access("member")
def shake(slug: str) -> Response:
    form = ShakeForm()
    if not form.validate():
        return _page(slug, _again(form), None, "页面已过期，请再摇一次。", 422)
    try:
        found = services.shake(
            actor(),
            slug,
            clock.now(),
            key=form.key.data or "",
            place=_place(form),
            store_code=form.p.data or "",
            touch=touch(request),
        )
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(slug, _again(form), None, refusal.message, 422)
    if wants_fragment():
        return _page(slug, _again(form), found)
    if found.claimed is not None:
        return go(url_for("coupons.show_coupon", code=found.claimed.code))
    return go(url_for("coupons.new_shake", slug=slug, last=form.key.data, p=form.p.data or None))


def _page(slug: str, form: ShakeForm, found: Shaken | None, problem: str = "", status: int = 200) -> Response:
    now, member = clock.now(), current_member()
    page: ShakePage = get_shake_page(slug, now)
    left = services.tries_left(member.id, page.card.id, now) if member is not None else None
    mine = queries.list_of_campaign(page.card.id, member.id, now) if member is not None else []
    context: dict[str, Any] = {
        "page": page,
        "card": page.card,
        "form": form,
        "found": found,
        "left": left,
        "mine": mine,
        "won": next((own for own in mine if found and found.claimed and own.code == found.claimed.code), None),
        "problem": problem,
        "in_store": bool(form.p.data),
        "login": login_url(url_for("coupons.new_shake", slug=slug, p=form.p.data or None), f"/coupons/{slug}"),
    }
    return render("coupons/shake.html", "coupons/_shake.html", status=status, **context)


def _again(form: ShakeForm) -> ShakeForm:
    """The next try has a key of its own; the place is not sent back, the page keeps it."""
    return ShakeForm(formdata=None, key=ids.token(16), p=form.p.data)


def _place(form: ShakeForm) -> Place | None:
    given = form.place()
    if given is None:
        return None
    lat, lng = given
    if form.system.data == "wgs84":
        there = wgs84_to_gcj02(lng, lat)
        return Place(there.lat, there.lng)
    return Place(lat, lng)


def _code(slug: str) -> str:
    """The code of a store, if it is one of this campaign."""
    code = request.args.get("p", "").strip().upper()[:16]
    found = ways.find_code(slug, code) if code.isascii() and code.isalnum() else None
    return code if found is not None and found.dealer_id is not None else ""
