"""选择城市: found by name, pinyin or initials, by a place given on a tap, or among those chosen before."""

import re
from urllib.parse import quote, unquote, urlencode

from flask import Response, g, request

from app.core import clock
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import settings
from app.dealers import cities, queries
from app.dealers.errors import PlaceUnreadable
from app.dealers.views import blueprint
from app.dealers.views.lists import CITY_COOKIE, SHOP_COOKIE, never_kept, read_place

RECENT_COOKIE, RECENT, YEAR = "cities", 3, 31536000


@blueprint.get("/cities")
@access("public")
def list_cities() -> Response:
    """The picker; for htmx what fits the typed word."""
    g.private = True
    known, text = queries.list_cities(), request.args.get("q", "")[:20]
    names = dict(known)
    chosen = _cookie(CITY_COOKIE)
    return render(
        "dealers/cities.html",
        "dealers/_cities.html",
        groups=cities.by_letter(cities.search(known, text)),
        popular=known[: cities.POPULAR] if len(known) > cities.POPULAR else [],
        q=text,
        chosen=chosen if chosen in names else "",
        recent=[name for name in _recent() if name in names and name != chosen],
        suggested=_suggested(known),
        back=_back(request.args.get("back", "")),
    )


@blueprint.get("/cities/here")
@access("public")
def show_located() -> Response:
    """The city of the store nearest to a place, as a button of the picker. The place is used and forgotten."""
    try:
        lat, lng, _ = read_place()
    except PlaceUnreadable as error:
        return never_kept(render("dealers/_located.html", status=error.status, city=None, message=error.message))
    near = next(iter(queries.nearest(lat, lng, clock.now(), limit=1)[0]), None)
    return never_kept(render("dealers/_located.html", city=near.dealer.city if near else None, message=None))


@blueprint.post("/cities")
@access("public")
def choose_city() -> Response:
    """Remember the city on this device, or forget it."""
    name, back = request.form.get("city", ""), _back(request.form.get("back", ""))
    known = name in dict(queries.list_cities())
    response = go(f"{back}?{urlencode({'city': name})}" if known and back == "/dealers" else back)
    response.delete_cookie(SHOP_COOKIE)
    if known:
        recent = [name, *(one for one in _recent() if one != name)][:RECENT]
        for cookie, value in ((CITY_COOKIE, name), (RECENT_COOKIE, ",".join(recent))):
            response.set_cookie(cookie, quote(value), max_age=YEAR, samesite="Lax", secure=settings().production)
    else:
        response.delete_cookie(CITY_COOKIE)
        response.delete_cookie(RECENT_COOKIE)
    return response


def _recent() -> list[str]:
    """The cities chosen last on this device, the newest first."""
    return [name for name in _cookie(RECENT_COOKIE).split(",") if name][:RECENT]


def _suggested(known: list[cities.City]) -> str:
    """The city that the proxy in front reads from the network address, if the settings name its header; a guess."""
    header = settings().city_header
    word = unquote(request.headers.get(header, ""))[:40] if header else ""
    return next((name for name, _ in cities.search(known, word)), "") if word.strip() else ""


def _cookie(name: str) -> str:
    return unquote(request.cookies.get(name, ""))[:80]


def _back(path: str) -> str:
    """A page of this shop, named plainly; else the home page."""
    return path if re.fullmatch(r"/(?:[\w-]+/)*[\w-]{0,80}", path, re.ASCII) else "/"
