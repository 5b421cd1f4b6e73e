"""Deals: public, the same for everyone. A crowd that reads them costs the database four looks a second and process."""

from datetime import timedelta

from flask import Response, g, request, url_for

from app.booking import queries
from app.booking.errors import AlreadyStarted
from app.booking.forms import CancelForm
from app.booking.rules import PHASE_WORDS, DealPhase
from app.booking.services import reminders
from app.booking.views import blueprint
from app.core import caching, clock
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor
from app.coupons import queries as coupons
from app.dealers import queries as stores
from app.reviews import queries as said

STOCK_KEPT = timedelta(seconds=1)  # a unit may come and go while a list is made: then it is wrong for so long
STORE_DEALS = 3  # on the page of a store
HONOUR_KEPT = timedelta(minutes=10)


def _stock() -> int | None:
    return queries.find_stock((request.view_args or {})["slug"])


def _kept_for(card: queries.DealCard, seen: str | None = None) -> None:
    """For how long a page that says this stays right: by its units, by time, and by units of one dealer alone."""
    now = clock.now()
    caching.made_for(card.stock_mark if seen is None else (card.stock_mark, seen))
    caching.good_until(queries.next_change([card], now))
    if card.by_dealer:
        caching.good_until(now + STOCK_KEPT)


@blueprint.get("/deals")
@access("public")
@caching.cached_page(key=queries.list_stock, crowd=True)
def list_deals() -> Response:
    now = clock.now()
    cards = queries.list_deals(now)
    caching.good_until(queries.next_change(cards, now))
    caching.good_until(now + STOCK_KEPT)
    return render("booking/deals.html", cards=cards, words=PHASE_WORDS)


@blueprint.get("/deals/<slug>")
@access("public")
@caching.cached_page(key=_stock, crowd=True)
def show_deal(slug: str) -> Response:
    now = clock.now()
    page = queries.get_deal_page(slug, now)
    _kept_for(page.card)
    caching.good_until(now + HONOUR_KEPT)
    _, dealers = queries.get_taking_part(slug, now, limit=queries.SHOWN_DEALERS)
    return render(
        "booking/deal.html",
        view=page,
        card=page.card,
        words=PHASE_WORDS,
        dealers=dealers,
        prices=queries.list_prices(page.trim_id, now),
        rating=said.rate_series(page.card.series_slug),
        reviews=said.list_series_reviews(page.card.series_slug, limit=3),
    )


@blueprint.get("/deals/<slug>/stock")
@access("public")
@caching.cached_page("seen", key=lambda: (_stock(), _seen()), crowd=True)
def show_stock(slug: str) -> Response:
    """What changes by itself: phase, countdown, units left; and the button, where the phase is not the one `seen`.

    The button may have become one person's own meanwhile (their place in the queue): so it stays while the phase lasts.
    """
    card = queries.get_deal_card(slug, clock.now())
    _kept_for(card, _seen())
    action = wants_fragment() and card.phase != _seen()
    return render("booking/_stock.html", card=card, words=PHASE_WORDS, with_action=action)


def _seen() -> str:
    seen = request.args.get("seen", "")
    return seen if seen in set(DealPhase) else ""


@blueprint.get("/deals/<slug>/dealers")
@access("public")
def list_deal_dealers(slug: str) -> Response:
    """参与门店 of one city or all, with their own stock and how they kept their promises."""
    now, city = clock.now(), request.args.get("city", "")
    page = queries.get_deal_page(slug, now)
    card, dealers = queries.get_taking_part(slug, now, city or None)
    return caching.public(render("booking/dealers.html", view=page, card=card, dealers=dealers, city=city))


@blueprint.get("/deals/for-series/<slug>")
@access("public")
def show_series_deals(slug: str) -> Response:
    """The deals on one series: a fragment of its model page with the bar's button, or a page of its own."""
    cards, inside = queries.list_deals_of_series(slug, clock.now()), wants_fragment()
    pages = "booking/series_deals.html", "booking/_series_deals.html"
    ready: list[coupons.CampaignCard] = []
    if inside:  # the coupons' line comes along: the first view of a car asks as little as it can
        now = clock.now()
        ready = [card for card in coupons.list_for_series(coupons.find_series_id(slug)[0], now) if card.claimable]
    return caching.public(render(*pages, cards=cards, words=PHASE_WORDS, slug=slug, with_action=inside, ready=ready))


@blueprint.get("/deals/for-dealer/<slug>")
@access("public")
def show_store_deals(slug: str) -> Response:
    """The deals that can be booked at one store: a fragment of its page, or a page of its own."""
    dealer = stores.get_dealer(slug)
    cards = queries.list_deals_of_store(dealer.id, clock.now())
    pages = "booking/store_deals.html", "booking/_store_deals.html"
    most = STORE_DEALS if wants_fragment() else len(cards)
    return caching.public(render(*pages, cards=cards, words=PHASE_WORDS, dealer=dealer, most=most))


# ---- 开抢提醒: of one member ----


@blueprint.get("/deals/<slug>/reminder")
@access("member")
def show_reminder(slug: str) -> Response:
    card = queries.get_deal_card(slug, clock.now())
    return render(
        "booking/reminder.html", card=card, is_set=reminders.is_set(slug, g.member.id), form=CancelForm(), problem=""
    )


@blueprint.post("/deals/<slug>/reminder")
@access("member")
def set_reminder(slug: str) -> Response:
    """Ask to be told, or with `off` not to be."""
    if request.form.get("off"):
        reminders.forget(actor(), slug)
        return go(url_for("booking.show_reminder", slug=slug))
    try:
        reminders.remind(actor(), slug, clock.now())
    except AlreadyStarted as refusal:
        card = queries.get_deal_card(slug, clock.now())
        page = {"card": card, "is_set": False, "form": CancelForm(), "problem": refusal.message}
        return render("booking/reminder.html", status=422, **page)
    return go(url_for("booking.show_reminder", slug=slug))
