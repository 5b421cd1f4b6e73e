"""Deals: public, the same for everyone."""

from datetime import timedelta

from flask import Response, request

from app.booking import queries
from app.booking.rules import PHASE_WORDS
from app.booking.views import blueprint
from app.core import caching, clock
from app.core.htmx import render, wants_fragment
from app.core.security import access

STOCK_KEPT = timedelta(seconds=1)  # a unit may come and go while a list is made: then it is wrong for so long


def _stock() -> int | None:
    return queries.find_stock((request.view_args or {})["slug"])


@blueprint.get("/deals")
@access("public")
@caching.cached_page(key=queries.list_stock)
def list_deals() -> Response:
    now = clock.now()
    cards = queries.list_deals(now)
    caching.good_until(queries.next_change(cards, now))
    caching.good_until(now + STOCK_KEPT)
    return render("booking/deals.html", cards=cards, words=PHASE_WORDS)


@blueprint.get("/deals/<slug>")
@access("public")
@caching.cached_page(key=_stock)
def show_deal(slug: str) -> Response:
    now = clock.now()
    page = queries.get_deal_page(slug, now)
    caching.made_for(page.card.units_left)
    caching.good_until(queries.next_change([page.card], now))
    return render("booking/deal.html", view=page, card=page.card, words=PHASE_WORDS)


@blueprint.get("/deals/<slug>/stock")
@access("public")
def show_stock(slug: str) -> Response:
    """What changes by itself: phase, countdown, units left, and the button that follows from them."""
    card = queries.get_deal_card(slug, clock.now())
    return caching.public(render("booking/_stock.html", card=card, words=PHASE_WORDS, with_action=wants_fragment()))


@blueprint.get("/deals/for-series/<slug>")
@access("public")
def show_series_deals(slug: str) -> Response:
    """The deals on one series: a fragment of its model page with the bar's button, or a page of its own."""
    cards, inside = queries.list_deals_of_series(slug, clock.now()), wants_fragment()
    pages = "booking/series_deals.html", "booking/_series_deals.html"
    return caching.public(render(*pages, cards=cards, words=PHASE_WORDS, slug=slug, with_action=inside))
