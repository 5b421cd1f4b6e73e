"""Stores by city and by distance, and the chosen city."""

import math
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote, urlencode

from flask import Response, g, jsonify, make_response, request

from app.core import clock
from app.core.caching import cached_page, good_until
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import settings
from app.dealers import cities, queries
from app.dealers.errors import PlaceUnreadable
from app.dealers.geo import wgs84_to_gcj02
from app.dealers.queries import NearDealer
from app.dealers.rules import DealerStatus
from app.dealers.views import blueprint

MAX_PAGE = 5
CITY_COOKIE, SHOP_COOKIE, YEAR = "city", "shop", 31536000


@blueprint.get("/dealers")
@access("public")
@cached_page("city", "page", key=lambda: (request.args.get("city", ""), _page()))
def list_dealers() -> Response:
    """门店: the stores of a chosen city, page by page; without a city, the first of the list.

    A direct load of page n shows pages 1 to n, so that the way back finds its place; htmx gets page n alone.
    """
    cities, now = queries.list_cities(), clock.now()
    good_until(now.replace(second=0, microsecond=0) + timedelta(minutes=1))  # stores open and close on the minute
    counts = dict(cities)
    city = request.args.get("city", "")
    city = city if city in counts else (cities[0][0] if cities else "")
    page = _page()
    first = page - 1 if wants_fragment() else 0
    rows = queries.list_in_city(city, now, first * queries.PAGE, (page - first) * queries.PAGE) if city else []
    more = counts.get(city, 0) > page * queries.PAGE
    following = f"/dealers?{urlencode({'city': city, 'page': page + 1})}" if more else None
    total = counts.get(city, 0)
    return render(
        "dealers/list.html", "dealers/_rows.html", cities=cities, city=city, rows=rows, total=total, next=following
    )


@blueprint.get("/dealers/nearby")
@access("public")
def list_nearby() -> Response:
    """Nearest first from a GCJ-02 place, as a fragment, a page or JSON. The place is used and forgotten."""
    wants_json = request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
    try:
        lat, lng, offset = _place()
    except PlaceUnreadable as error:
        if wants_json:
            return _private(make_response(jsonify(error=error.code, message=error.message), error.status))
        return _private(
            render("dealers/nearby.html", "dealers/_nearby.html", status=422, message=error.message, rows=[], next=None)
        )
    rows, more = queries.nearest(lat, lng, clock.now(), offset=offset)
    following = {**request.args.to_dict(), "offset": str(offset + queries.PAGE)}
    address = f"/dealers/nearby?{urlencode(following)}" if more else None
    if wants_json:
        return _private(make_response(jsonify(dealers=[_json(row) for row in rows], next=address)))
    return _private(render("dealers/nearby.html", "dealers/_nearby.html", rows=rows, next=address, message=None))


# ---- the chosen city: a cookie of this device, read by fragments alone ----


@blueprint.get("/dealers/here")
@access("public")
def show_here() -> Response:
    """City and store for the home page's first row: from a place, or from what this device remembers."""
    city, near, count, _ = _whereabouts()
    return _private(render("dealers/_here.html", city=city, near=near, count=count))


@blueprint.get("/dealers/mine")
@access("public")
def show_mine() -> Response:
    """The nearest store of a place, or one of the chosen city, as a card; without either, how to find one."""
    city, near, _, message = _whereabouts()
    if near is None and city:
        stores = queries.list_in_city(city, clock.now())
        near = next((row for row in stores if row.dealer.status == DealerStatus.OPEN), None)
    return _private(render("dealers/_mine.html", city=city, near=near, message=message))


def _whereabouts() -> tuple[str, NearDealer | None, int, str | None]:
    """The city, the nearest or remembered store, the number of stores there, and why a place could not be used."""
    now = clock.now()
    if "lat" in request.args or "lng" in request.args:
        try:
            lat, lng, _ = _place()
        except PlaceUnreadable as error:
            return "", None, 0, error.message
        near = next(iter(queries.nearest(lat, lng, now, limit=1)[0]), None)
        return (near.dealer.city if near else ""), near, 0, None
    counts, wanted = dict(queries.list_cities()), unquote(request.cookies.get(CITY_COOKIE, ""))[:24]
    if wanted not in counts:
        return "", None, 0, None
    shop = unquote(request.cookies.get(SHOP_COOKIE, ""))[:64]
    return wanted, queries.find_in_city(shop, wanted, now) if shop else None, counts[wanted], None


@blueprint.get("/cities")
@access("public")
def list_cities() -> Response:
    """选择城市, found by name, pinyin or initials."""
    g.private = True
    known, text = queries.list_cities(), request.args.get("q", "")[:20]
    chosen = unquote(request.cookies.get(CITY_COOKIE, ""))[:24]
    response = render(
        "dealers/cities.html",
        "dealers/_cities.html",
        groups=cities.by_letter(cities.search(known, text)),
        popular=known[: cities.POPULAR] if len(known) > cities.POPULAR else [],
        q=text,
        chosen=chosen if chosen in dict(known) else "",
        back=_back(request.args.get("back", "")),
    )
    return response


def _back(path: str) -> str:
    """A page of this shop, named plainly; else the home page."""
    return path if re.fullmatch(r"/(?:[\w-]+/)*[\w-]{0,80}", path, re.ASCII) else "/"


@blueprint.post("/cities")
@access("public")
def choose_city() -> Response:
    """Remember the city on this device, or forget it."""
    name = request.form.get("city", "")
    response = go(_back(request.form.get("back", "")))
    response.delete_cookie(SHOP_COOKIE)
    if name in dict(queries.list_cities()):
        secure = settings().production
        response.set_cookie(CITY_COOKIE, quote(name), max_age=YEAR, samesite="Lax", secure=secure)
    else:
        response.delete_cookie(CITY_COOKIE)
    return response


def _place() -> tuple[float, float, int]:
    """lat, lng, offset of the request. PlaceUnreadable for anything that is no place on earth."""
    try:
        lat, lng = float(request.args["lat"]), float(request.args["lng"])
        offset = int(request.args.get("offset", "0"))
    except (KeyError, ValueError):
        raise PlaceUnreadable from None
    if not (math.isfinite(lat) and math.isfinite(lng) and abs(lat) <= 90 and abs(lng) <= 180 and 0 <= offset <= 10_000):
        raise PlaceUnreadable
    if request.args.get("system") == "wgs84":
        place = wgs84_to_gcj02(lng, lat)
        lat, lng = place.lat, place.lng
    return lat, lng, offset


def _page() -> int:
    """Which page of a list is asked for; what is no page is the first."""
    text = request.args.get("page", "")
    return min(max(int(text), 1), MAX_PAGE) if text.isascii() and text.isdecimal() and len(text) < 4 else 1


def _private(response: Response) -> Response:
    """Where somebody is belongs to nobody's cache."""
    response.headers["Cache-Control"] = "private, no-store"
    response.vary.add("Accept")
    return response


def _json(row: NearDealer) -> dict[str, Any]:
    dealer = row.dealer
    return {
        "code": dealer.slug,
        "name": dealer.name,
        "distance_m": round(row.distance_m or 0),
        "lat": dealer.lat,
        "lng": dealer.lng,
        "city": dealer.city,
        "address": dealer.address,
        "phone": dealer.phone,
        "open_now": row.state.open and dealer.status == DealerStatus.OPEN,
        "url": f"/dealers/{dealer.slug}",
    }
