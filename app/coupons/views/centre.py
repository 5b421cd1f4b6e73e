"""领券中心: public, the same for everyone. A crowd that reads it costs the database little (core.caching)."""

import re
from datetime import datetime
from urllib.parse import unquote

from flask import Response, g, make_response, request

from app.core import caching, clock
from app.core.htmx import render, wants_fragment
from app.core.security import access
from app.coupons import queries
from app.coupons.views import blueprint
from app.members.session import current_member

MOST_SEEN = 4
_SLUG = re.compile(r"[\w-]{1,64}", re.ASCII)


def _all_stock() -> tuple[tuple[int, int], ...]:
    return queries.list_stock(clock.now())


def _stock() -> int | None:
    return queries.find_stock((request.view_args or {})["slug"])


@blueprint.get("/coupons")
@access("public")
@caching.cached_page(key=_all_stock, crowd=True)
def list_coupons() -> Response:
    """Everything anybody may get. What suits this browser comes as a fragment."""
    cards, now = queries.list_centre(clock.now()), clock.now()
    caching.good_until(queries.next_change(cards, now))
    return render("coupons/centre.html", cards=cards)


@blueprint.get("/coupons/for-you")
@access("public")
def list_for_you() -> Response:
    """适合你: of the cars this browser opened (`seen`) and the store it chose; 204 when there is nothing to say."""
    g.private = True
    seen = [slug for slug in request.args.get("seen", "")[:400].split(",") if _SLUG.fullmatch(slug)][:MOST_SEEN]
    shop = unquote(request.cookies.get("shop", ""))[:64]
    cards = queries.list_for_you(seen, shop, clock.now())
    return render("coupons/_for_you.html", cards=cards) if cards else make_response("", 204)


@blueprint.get("/coupons/for-series/<slug>")
@access("public")
@caching.cached_page(key=_all_stock, crowd=True)
def list_for_series(slug: str) -> Response:
    """What can be claimed for a model; the model's own page gets its line with the deals (`/deals/for-series/`)."""
    now = clock.now()
    series_id, name = queries.find_series_id(slug)
    return _page_of(queries.list_for_series(series_id, now), name, f"/series/{slug}", now)


@blueprint.get("/coupons/for-dealer/<slug>")
@access("public")
@caching.cached_page("row", key=lambda: (_all_stock(), "row" in request.args), crowd=True)
def list_for_dealer(slug: str) -> Response:
    """What can be claimed for a store: a page, and with `row` one line for the store's own page."""
    now = clock.now()
    dealer_id, name = queries.find_dealer_id(slug)
    cards = queries.list_for_dealer(dealer_id, now)
    if "row" in request.args and wants_fragment():
        caching.good_until(queries.next_change(cards, now))
        ready = [card for card in cards if card.claimable]
        return render("coupons/_row.html", ready=ready, here=f"/coupons/for-dealer/{slug}")
    return _page_of(cards, name, f"/dealers/{slug}", now)


@blueprint.get("/coupons/mine")
@access("public")
def show_mine() -> Response:
    """How many coupons the person who is signed in could use for a model or store, as one line; 204 without any."""
    g.private = True
    member, now = current_member(), clock.now()
    rows = queries.list_wallet(member.id, now) if member is not None else []
    if slug := request.args.get("series", "")[:64]:
        wanted = queries.find_series_id(slug)[0]
        rows = [row for row in rows if row.terms.series is None or wanted in row.terms.series]
    if slug := request.args.get("dealer", "")[:64]:
        wanted = queries.find_dealer_id(slug)[0]
        rows = [row for row in rows if row.terms.dealers is None or wanted in row.terms.dealers]
    usable = [row for row in rows if row.usable]
    return render("coupons/_mine.html", rows=usable) if usable else make_response("", 204)


@blueprint.get("/coupons/<slug>")
@access("public")
@caching.cached_page(key=_stock, crowd=True)
def show_campaign(slug: str) -> Response:
    """One campaign with its terms in plain words."""
    now = clock.now()
    card = queries.get_card(slug, now)
    caching.good_until(queries.next_change([card], now))
    return render("coupons/campaign.html", card=card)


def _page_of(cards: list[queries.CampaignCard], name: str, back: str, now: datetime) -> Response:
    caching.good_until(queries.next_change(cards, now))
    return render("coupons/of.html", cards=cards, name=name, back=back)
