"""Pages of the dealers: by city, by distance, one store."""

import math
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, make_response, request

from app.core import clock
from app.core.caching import public
from app.core.htmx import render, wants_fragment
from app.core.security import access
from app.dealers import maps, queries
from app.dealers.errors import PlaceUnreadable
from app.dealers.geo import wgs84_to_gcj02
from app.dealers.hours import parse
from app.dealers.models import Dealer
from app.dealers.queries import NearDealer
from app.dealers.rules import DealerStatus, distance_words

blueprint = Blueprint("dealers", __name__)
MAX_PAGE = 5
blueprint.add_app_template_filter(distance_words, "distance")


@blueprint.get("/dealers")
@access("public")
def list_dealers() -> Response:
    """门店: the stores of a chosen city, page by page; without a city, the first of the list.

    A direct load of page n shows pages 1 to n, so that the way back finds its place; htmx gets page n alone.
    """
    cities = queries.list_cities()
    counts = dict(cities)
    city = request.args.get("city", "")
    city = city if city in counts else (cities[0][0] if cities else "")
    page = _page()
    first = page - 1 if wants_fragment() else 0
    rows = queries.list_in_city(city, clock.now(), first * queries.PAGE, (page - first) * queries.PAGE) if city else []
    more = counts.get(city, 0) > page * queries.PAGE
    following = f"/dealers?{urlencode({'city': city, 'page': page + 1})}" if more else None
    total = counts.get(city, 0)
    return public(
        render(
            "dealers/list.html", "dealers/_rows.html", cities=cities, city=city, rows=rows, total=total, next=following
        )
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


@blueprint.get("/dealers/<slug>")
@access("public")
def show_dealer(slug: str) -> Response:
    """One store: facts, hours, ways to get there."""
    dealer = queries.get_dealer(slug)
    where = dealer.lat, dealer.lng, dealer.name
    links = [
        ("腾讯地图", maps.tencent(*where, dealer.address)),
        ("高德地图", maps.amap(*where)),
        ("百度地图", maps.baidu(*where, dealer.address)),
    ]
    return public(
        render(
            "dealers/show.html",
            dealer=dealer,
            address=_address(dealer),
            state=queries.open_state(dealer, clock.now()),
            hours=[line.strip() for line in dealer.hours.split("；") if line.strip()],
            hours_known=parse(dealer.hours).known,
            links=links,
        )
    )


def _address(dealer: Dealer) -> str:
    """The address in full; a municipality is named once."""
    city = "" if dealer.city == dealer.province else dealer.city
    return f"{dealer.province}{city}{dealer.district}{dealer.address}"


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
