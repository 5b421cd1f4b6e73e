"""What a scanned code opens. The page is public and the same for everyone; what acts or counts comes as a fragment."""

import math
from datetime import timedelta
from typing import Any

from flask import Response, g, make_response, redirect, request, url_for
from flask_limiter import RateLimitExceeded
from flask_limiter.util import get_remote_address

from app.core import caching, clock, ids
from app.core.errors import NotFound
from app.core.htmx import render
from app.core.security import access
from app.core.web import limiter
from app.costs import queries as costs
from app.costs.rules.book import NoRule, rule_book
from app.costs.rules.landing import Choice, landing_price
from app.dealers import queries as dealers
from app.dealers.errors import PlaceUnreadable
from app.dealers.geo import haversine_m, wgs84_to_gcj02
from app.dealers.queries.store import promo_price_of
from app.dealers.rules import SHOWN
from app.instore import rules
from app.instore.queries import landing
from app.instore.queries.landing import Stand
from app.instore.views import blueprint
from app.members.session import current_member, device_key
from app.staff import queries as staff
from app.staff.session import is_staff_here
from app.visits import services as visits
from app.visits import session as visit_session

COUNTED = "40/minute;600/hour;3000/day"  # of one address; a store's Wi-Fi is one


@blueprint.get("/q/<code>")
@access("public")
@caching.cached_page()
def show_code(code: str) -> Response:
    """店内码. One statement for the number, three for the page; 404 alike for whatever is no code of ours."""
    plain = rules.plain(code)
    if plain != code and len(plain) == rules.LENGTH and len(code) <= 40:
        return make_response(redirect(url_for("instore.show_code", code=plain), 302))
    page = landing.get_landing(code, clock.now())
    # A store's price begins and ends on the minute.
    caching.good_until(clock.now().replace(second=0, microsecond=0) + timedelta(minutes=1))
    stand = page.stand
    if stand.retired or not stand.shown:
        return render("instore/gone.html", status=410, page=page, stand=stand, words=rules.KIND_WORDS)
    if stand.sold:
        return render("instore/sold.html", page=page, stand=stand)
    return render("instore/landing.html", page=page, stand=stand, kind=stand.kind.value, stock_words=rules.STOCK_WORDS)


@blueprint.get("/dealers/<slug>/display-cars")
@access("public")
@caching.cached_page()
def list_display_cars(slug: str) -> Response:
    """展车 to see at a store: a part of its page, or a page of its own."""
    store = dealers.get_dealer(slug)
    rows = landing.list_display_cars(store.id) if store.status in SHOWN else []
    context: dict[str, Any] = {"store": store, "rows": rows, "stock_words": rules.STOCK_WORDS}
    return render("instore/cars.html", "instore/_cars.html", **context)


@blueprint.get("/q/<code>/here")
@access("public")
def show_actions(code: str) -> Response:
    """What can be done at this code, with its token: never kept, so that the page itself can be.

    The browser gets its key here, before it asks for anything: calls are counted by it.
    """
    g.private = True
    device_key()
    stand = _standing(code)
    own = is_staff_here(current_member())
    return render(
        "instore/here.html",
        "instore/_here.html",
        stand=stand,
        on_duty=staff.list_on_duty(stand.dealer.id, clock.now()),
        own=own,
        counts=not own and visit_session.may_count(request),
        keys=(ids.token(12), ids.token(12)),
    )


@blueprint.post("/q/<code>/visits")
@access("public")
def count_visit(code: str) -> Response:
    """This browser opened the page and runs scripts: counted, unless it said no or somebody of a store uses it."""
    g.private = True
    stand = _standing(code)
    response = make_response("", 204)
    if not visit_session.may_count(request) or is_staff_here(current_member()):
        return response
    try:
        with limiter.limit(COUNTED, key_func=get_remote_address):
            before, now = visit_session.touch(request), clock.now()
    except RateLimitExceeded:  # ten thousand scans from one address are not so many visits; no reader hears of it
        return response
    after = visits.record_visit(before, stand.code.id, stand.dealer.id, now, staff_id=stand.code.staff_id)
    return response if after == before else visit_session.keep(response, after)


@blueprint.get("/q/<code>/prices")
@access("public")
@caching.cached_page()
def show_prices(code: str) -> Response:
    """落地价 and 价格走势 of the car, for a tap: a fragment, and a page without scripts."""
    stand, now = landing.get_stand(code), clock.now()
    if stand.trim is None or stand.retired:
        return render("instore/prices.html", "instore/_prices.html", stand=stand, total=None, steps=[])
    caching.good_until(now.replace(second=0, microsecond=0) + timedelta(minutes=1))
    store = promo_price_of(stand.dealer.id, stand.trim.id, now)
    fen = store.fen if store else stand.trim.msrp_fen
    return render(
        "instore/prices.html",
        "instore/_prices.html",
        stand=stand,
        total=_landing_total(stand, fen),
        fen=fen,
        steps=landing.list_prices(stand)[:12],
    )


@blueprint.post("/q/<code>/place")
@access("public")
@limiter.limit("20/minute", key_func=get_remote_address)
def check_place(code: str) -> Response:
    """核对位置: how far from its store the code was read. The place is used for this answer and forgotten."""
    g.private = True
    stand = _standing(code)
    try:
        lat, lng = _place()
    except PlaceUnreadable as error:
        return render("instore/_place.html", stand=stand, metres=None, problem=error.message, far=False)
    metres = haversine_m(lng, lat, stand.dealer.lng, stand.dealer.lat)
    return render("instore/_place.html", stand=stand, metres=metres, problem="", far=metres > rules.FAR_M)


def _standing(code: str) -> Stand:
    stand = landing.get_stand(code)
    if stand.retired or not stand.shown:
        raise NotFound
    return stand


def _place() -> tuple[float, float]:
    try:
        lat, lng = float(request.form["lat"]), float(request.form["lng"])
    except (KeyError, ValueError):
        raise PlaceUnreadable from None
    if not (math.isfinite(lat) and math.isfinite(lng) and abs(lat) <= 90 and abs(lng) <= 180):
        raise PlaceUnreadable
    if request.form.get("system") == "wgs84":
        place = wgs84_to_gcj02(lng, lat)
        return place.lat, place.lng
    return lat, lng


def _landing_total(stand: Stand, fen: int) -> Any:
    """What the car costs on the road at this price today, None where no rule says so."""
    car = costs.find_car(stand.trim.slug) if stand.trim else None
    try:
        return landing_price(car.facts, fen, clock.today(), Choice(), rule_book()).total_fen if car else None
    except NoRule:
        return None
