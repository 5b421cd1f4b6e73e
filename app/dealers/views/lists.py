"""Stores by city and by distance; what this device remembers of where it is."""

import math
import re
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote

from flask import Response, jsonify, make_response, request
from flask_limiter.util import get_remote_address

from app.core import clock
from app.core.caching import cached_page, good_until
from app.core.htmx import render, wants_fragment
from app.core.security import access
from app.core.web import limiter
from app.dealers import queries, telling
from app.dealers.errors import PlaceUnreadable
from app.dealers.geo import wgs84_to_gcj02
from app.dealers.queries import NearDealer
from app.dealers.rules import DealerStatus
from app.dealers.views import blueprint, filters
from app.dealers.views.filters import Filters

MAX_PAGE = 5
MAX_OFFSET: Final = 10_000
CITY_COOKIE, SHOP_COOKIE = "city", "shop"
_DEGREES: Final = re.compile(r"[+-]?\d{1,3}(\.\d{0,30})?(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


@blueprint.get("/dealers")
@access("public")
@cached_page("city", "page", *filters.NAMES, key=lambda: (request.args.get("city", ""), _page(), _filters()))
def list_dealers() -> Response:
    """门店: the stores of a chosen city, narrowed and page by page; without a city, the first of the list.

    A direct load of page n shows pages 1 to n, so that the way back finds its place; htmx gets page n alone.
    """
    cities, now = queries.list_cities(), clock.now()
    good_until(now.replace(second=0, microsecond=0) + timedelta(minutes=1))  # stores open and close on the minute
    known, city, page = dict(cities), request.args.get("city", ""), _page()
    city = city if city in known else (cities[0][0] if cities else "")
    wanted = _filters()
    offers = filters.take_part(wanted, now)
    counted = queries.count_in_city(city, now, offers.among)
    left = counted.of(wanted.services, wanted.open_now)
    narrowed = {"services": wanted.services, "open_now": wanted.open_now, "among": offers.among}
    first = page - 1 if wants_fragment() else 0
    rows = queries.list_in_city(city, now, first * queries.PAGE, (page - first) * queries.PAGE, **narrowed)
    here = [("city", city)]
    more = left > page * queries.PAGE and page < MAX_PAGE
    return render(
        "dealers/list.html",
        "dealers/_rows.html",
        cities=cities,
        city=city,
        rows=telling.tell(rows, now),
        total=known.get(city, 0),
        left=left,
        next=filters.address("/dealers", [*here, ("page", str(page + 1))], wanted) if more else None,
        narrowed=wanted.any,
        kept=wanted.pairs(),
        unknown=offers.unknown,
        chips=filters.chips("/dealers", here, wanted, offers, counted),
        everything=filters.address("/dealers", here, Filters()),
        near=filters.address("/dealers/nearby", [], wanted),
        cut=left > page * queries.PAGE and not more,
    )


@blueprint.get("/dealers/nearby")
@access("public")
@limiter.limit("120/minute", key_func=get_remote_address)
def list_nearby() -> Response:
    """Nearest first from a GCJ-02 place, as a fragment, a page or JSON. The place is used and forgotten."""
    wants_json = request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
    now, wanted = clock.now(), _filters()
    try:
        lat, lng, offset = read_place()
    except PlaceUnreadable as error:
        if wants_json:
            return never_kept(make_response(jsonify(error=error.code, message=error.message), error.status))
        nothing = {"rows": [], "next": None, "chips": [], "narrowed": False, "everything": ""}
        page = ("dealers/nearby.html", "dealers/_nearby.html")
        return never_kept(render(*page, status=error.status, message=error.message, **nothing))
    offers = filters.take_part(wanted, now)
    rows, more = queries.nearest(
        lat, lng, now, offset=offset, among=offers.among, services=wanted.services, open_now=wanted.open_now
    )
    here = [(name, request.args[name]) for name in ("lat", "lng", "system") if request.args.get(name)]
    following = [*here, ("offset", str(offset + queries.PAGE))]
    more = more and offset + queries.PAGE <= MAX_OFFSET
    address = filters.address("/dealers/nearby", following, wanted) if more else None
    if wants_json:
        return never_kept(make_response(jsonify(dealers=[_json(row) for row in rows], next=address)))
    return never_kept(
        render(
            "dealers/nearby.html",
            "dealers/_nearby.html",
            rows=telling.tell(rows, now),
            next=address,
            message=None,
            chips=filters.chips("/dealers/nearby", here, wanted, offers, None),
            narrowed=wanted.any,
            everything=filters.address("/dealers/nearby", here, Filters()),
        )
    )


# ---- the chosen city: a cookie of this device, read by fragments alone ----


@blueprint.get("/dealers/here")
@access("public")
def show_here() -> Response:
    """City and store for the home page's first row: from a place, or from what this device remembers."""
    city, near, count, _ = _whereabouts()
    return never_kept(render("dealers/_here.html", city=city, near=near, count=count))


@blueprint.get("/dealers/mine")
@access("public")
def show_mine() -> Response:
    """The nearest store of a place, or one of the chosen city, as a card; without either, how to find one."""
    city, near, _, message = _whereabouts()
    now = clock.now()
    if near is None and city:
        stores = queries.list_in_city(city, now)
        near = next((row for row in stores if row.dealer.status == DealerStatus.OPEN), None)
    told = telling.tell([near], now)[0] if near else None
    return never_kept(render("dealers/_mine.html", city=city, near=told, message=message))


def _whereabouts() -> tuple[str, NearDealer | None, int, str | None]:
    """The city, the nearest or remembered store, the number of stores there, and why a place could not be used."""
    now = clock.now()
    if "lat" in request.args or "lng" in request.args:
        try:
            lat, lng, _ = read_place()
        except PlaceUnreadable as error:
            return "", None, 0, error.message
        near = next(iter(queries.nearest(lat, lng, now, limit=1)[0]), None)
        return (near.dealer.city if near else ""), near, 0, None
    counts, wanted = dict(queries.list_cities()), unquote(request.cookies.get(CITY_COOKIE, ""))[:24]
    if wanted not in counts:
        return "", None, 0, None
    shop = unquote(request.cookies.get(SHOP_COOKIE, ""))[:64]
    return wanted, queries.find_in_city(shop, wanted, now) if shop else None, counts[wanted], None


def _filters() -> Filters:
    return filters.read(request.args)


def read_place() -> tuple[float, float, int]:
    """lat, lng, offset of the request. PlaceUnreadable for anything that is no place on earth."""
    given, offset = (request.args.get("lat", ""), request.args.get("lng", "")), request.args.get("offset", "0")
    if not all(_DEGREES.fullmatch(text) for text in given) or not re.fullmatch(r"\d{1,5}", offset, re.ASCII):
        raise PlaceUnreadable
    lat, lng = (float(text) for text in given)
    if not (math.isfinite(lat) and math.isfinite(lng) and abs(lat) <= 90 and abs(lng) <= 180):
        raise PlaceUnreadable
    if int(offset) > MAX_OFFSET:
        raise PlaceUnreadable
    if request.args.get("system") == "wgs84":
        place = wgs84_to_gcj02(lng, lat)
        lat, lng = place.lat, place.lng
    return lat, lng, int(offset)


def _page() -> int:
    """Which page of a list is asked for; what is no page is the first."""
    text = request.args.get("page", "")
    return min(max(int(text), 1), MAX_PAGE) if text.isascii() and text.isdecimal() and len(text) < 4 else 1


def never_kept(response: Response) -> Response:
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
