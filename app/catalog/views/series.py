"""车型详情: the model page, its turntable, its printed specification, the reminder of a launch."""

from typing import cast
from urllib.parse import urlencode

from flask import Response, abort, jsonify, make_response, request

from app.catalog import queries
from app.catalog.calendar import launch_calendar
from app.catalog.errors import SeriesNotFound
from app.catalog.pictures import HasWidths, picture_sources
from app.catalog.suggesting import read_seen, suggest
from app.catalog.views import blueprint
from app.core.caching import cached_page, public
from app.core.htmx import render
from app.core.security import access
from app.core.web import settings


@blueprint.get("/series/<slug>")
@access("public")
@cached_page("trim", "colour")
def show_series(slug: str) -> Response:
    """车型详情; `trim` chooses whose values come first in the specification, `colour` the picture."""
    try:
        page = queries.get_series_page(slug, request.args.get("trim"), request.args.get("colour"))
    except SeriesNotFound as error:
        return _gone(slug, error.message)
    return render("catalog/series.html", page=page, address=_address)


@blueprint.get("/series/for-you")
@access("public")
def show_for_you() -> Response:
    """适合你: a fragment for `seen`, the cars this browser opened; 204 when there is nothing to say."""
    lineup = queries.get_lineup()
    seen = read_seen(request.args.get("seen", ""))
    rows = suggest(lineup.series, seen)
    if not rows:
        return public(make_response("", 204))
    names = [car.name for slug in seen for car in lineup.series if car.slug == slug]
    return public(render("catalog/_for_you.html", rows=rows, seen=names))


@blueprint.get("/series/<slug>/specs")
@access("public")
@cached_page("trim")
def show_specs(slug: str) -> Response:
    """参数表 of one trim, made to be printed."""
    try:
        page = queries.get_series_page(slug, request.args.get("trim"))
    except SeriesNotFound as error:
        return _gone(slug, error.message)
    return render("catalog/specs.html", page=page, base=settings().public_base_url.rstrip("/"))


@blueprint.get("/series/<slug>/turntable")
@access("public")
def show_turntable(slug: str) -> Response:
    """The frames of the 360° view as [[width, address], …] each, the front first; asked for when somebody turns.

    `form=avif` halves the bytes for a browser that has shown the still picture in it.
    """
    frames = [cast(HasWidths, frame) for frame in queries.list_frames(slug)]
    if not frames:
        abort(404)
    form = "avif" if request.args.get("form") == "avif" else "webp"
    sources = [picture_sources(frame, form) or picture_sources(frame) for frame in frames]
    return public(make_response(jsonify(frames=sources)))


@blueprint.get("/series/<slug>/launch.ics")
@access("public")
def show_launch(slug: str) -> Response:
    """The launch of an upcoming car for one's own calendar: a reminder without an account."""
    page = queries.get_series_page(slug)
    if page.launch is None:
        abort(404)
    address = settings().public_base_url.rstrip("/") + f"/series/{slug}"
    text = launch_calendar(slug, page.series.name, page.launch, address, page.series.updated_at)
    response = make_response(text)
    response.headers["Content-Type"] = "text/calendar; charset=utf-8"
    response.headers["Content-Disposition"] = "attachment; filename=launch.ics"
    return public(response)


def _gone(slug: str, message: str) -> Response:
    """410 for a car that was sold here: search engines forget it, people find its successor. 404 for no car at all."""
    page = queries.get_gone_page(slug)
    return render("catalog/gone.html", status=410 if page.name else 404, page=page, message=message)


def _address(slug: str, **arguments: str | None) -> str:
    """The model page with these choices, without empty ones."""
    given = {k: v for k, v in arguments.items() if v}
    return f"/series/{slug}" + (f"?{urlencode(given)}" if given else "")
