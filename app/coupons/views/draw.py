"""夺券: what is promised and what came out, for everybody; entering, for members."""

from flask import Response, g, jsonify, request, url_for

from app.core import caching, clock
from app.core.errors import DomainError, NotFound
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.coupons import queries
from app.coupons.forms import EntryForm
from app.coupons.queries import draws
from app.coupons.rules import ClaimWay
from app.coupons.rules.draws import EntryKind, EntryState
from app.coupons.services import draw as services
from app.coupons.views import blueprint
from app.members.session import current_member, login_url


def _mark() -> tuple[str, str, int, str] | None:
    return draws.find_mark((request.view_args or {})["slug"])


@blueprint.get("/coupons/<slug>/draw")
@access("public")
@caching.cached_page(key=_mark, crowd=True)
def show_draw(slug: str) -> Response:
    """The disclosures before, the chain while it grows, the result and its recomputation after."""
    now = clock.now()
    if not draws.is_published(slug):
        card = queries.get_card(slug, now)
        if card.way != ClaimWay.DRAW:
            raise NotFound
        return render("coupons/draw_soon.html", card=card)
    page = draws.get_draw_page(slug)
    ends = [page.promise.opens_at, page.promise.closes_at, page.promise.draws_at]
    caching.good_until(min((moment for moment in ends if moment > now), default=None))
    return render(
        "coupons/draw.html",
        page=page,
        card=queries.get_card(slug, now),
        words=page.words(now),
        open=page.takes_entries(now),
        upcoming=now < page.promise.opens_at,
        winning=draws.list_winning(draws.get_draw_id(slug)) if page.seed else [],
    )


@blueprint.get("/coupons/<slug>/draw/record")
@access("public")
@caching.cached_page(key=_mark, crowd=True)
def show_record(slug: str) -> Response:
    """Everything that is needed to recompute the draw, as JSON; docs/draws.md says how."""
    return jsonify(draws.get_record(slug))


@blueprint.get("/coupons/<slug>/draw/entries/new")
@access("public")
def new_entry(slug: str) -> Response:
    """Free or with the yuan, at the same chance; afterwards one's own ticket and where the yuan is."""
    g.private = True
    return _page(slug)


@blueprint.post("/coupons/<slug>/draw/entries")
@access("member")
def enter_draw(slug: str) -> Response:
    form = EntryForm()
    if not form.validate():
        return _page(slug, "页面已过期，请再试一次。", 422)
    if form.kind() == EntryKind.PAID:
        return go(url_for("coupons.show_fee", slug=slug, begin=1))
    try:
        services.enter_free(actor(), slug, clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(slug, refusal.message, 422)
    return go(url_for("coupons.new_entry", slug=slug))


def _page(slug: str, problem: str = "", status: int = 200) -> Response:
    now, member, page = clock.now(), current_member(), draws.get_draw_page(slug)
    own = draws.find_own(slug, member.id) if member is not None else None
    return render(
        "coupons/draw_entry.html",
        status=status,
        page=page,
        card=queries.get_card(slug, now),
        words=page.words(now),
        open=page.takes_entries(now),
        own=own,
        entered=own is not None and own.state == EntryState.ENTERED,
        guest=member is None,
        problem=problem,
        login=login_url(url_for("coupons.new_entry", slug=slug), f"/coupons/{slug}/draw"),
    )
