"""Which car, and where: public, without login and without asking who it is."""

import math

from flask import Response, request, url_for
from flask_limiter.util import get_remote_address

from app.core import clock
from app.core.caching import public
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import limiter
from app.dealers import queries as dealers
from app.dealers.errors import PlaceUnreadable
from app.dealers.geo import wgs84_to_gcj02
from app.dealers.rules import distance_words
from app.drives.queries import cars
from app.drives.queries.slots import Plan
from app.drives.views import blueprint

SHOWN_CITIES = 12
NEAR = 5


@blueprint.get("/test-drives")
@access("public")
def choose() -> Response:
    """First the car, then the store; what is known already is not asked again."""
    now, series, dealer = clock.now(), request.args.get("series", "")[:64], request.args.get("dealer", "")[:64]
    if series and dealer:
        return go(url_for("drives.new_drive", series=series, dealer=dealer))
    if dealer:
        store = dealers.get_dealer(dealer)
        return public(render("drives/series.html", rows=cars.list_series(store.id, now), store=store))
    if not series:
        return public(render("drives/series.html", rows=cars.list_series(None, now), store=None))
    car = cars.get_series(series)
    ids = cars.list_store_ids(car.id, now)
    cities, wanted = cars.count_cities(ids), request.args.get("city", "")[:24]
    known = [city for city, _ in cities]
    city = wanted if wanted in known else (known[0] if known else "")
    return public(
        render("drives/stores.html", car=car, cities=cities, city=city, stores=cars.list_stores(ids, car.id, city))
    )


@blueprint.get("/test-drives/nearby/<slug>")
@access("public")
@limiter.limit("120/minute", key_func=get_remote_address)
def list_nearby(slug: str) -> Response:
    """Stores with this car by distance from a place that is used for this answer and kept nowhere."""
    now, car = clock.now(), cars.get_series(slug)
    try:
        lat, lng = _place()
    except PlaceUnreadable as error:
        return _private(render("drives/_nearby.html", rows=[], car=car, message=error.message))
    found, _ = dealers.nearest(lat, lng, now, among=cars.list_store_ids(car.id, now), limit=NEAR)
    rows = [
        (row.dealer, distance_words(row.distance_m or 0), row.state, Plan(row.dealer, car.id, now).next_free())
        for row in found
    ]
    return _private(render("drives/_nearby.html", rows=rows, car=car, message=""))


@blueprint.get("/dealers/<slug>/demo-cars")
@access("public")
def list_demo_cars(slug: str) -> Response:
    """Cars to see and drive at a store: a part of its page, or a page of its own."""
    store = dealers.get_dealer(slug)
    rows = cars.list_cars_of(store.id, clock.now())
    return public(render("drives/cars.html", "drives/_cars.html", store=store, rows=rows))


def _place() -> tuple[float, float]:
    try:
        lat, lng = float(request.args["lat"]), float(request.args["lng"])
    except (KeyError, ValueError):
        raise PlaceUnreadable from None
    if not (math.isfinite(lat) and math.isfinite(lng) and abs(lat) <= 90 and abs(lng) <= 180):
        raise PlaceUnreadable
    if request.args.get("system") == "wgs84":
        place = wgs84_to_gcj02(lng, lat)
        return place.lat, place.lng
    return lat, lng


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response
