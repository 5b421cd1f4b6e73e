"""robots.txt, the sitemap, WeChat's share signature, posters; and what templates say to the outside."""

from math import ceil
from typing import Any
from xml.sax.saxutils import escape

import structlog
from flask import Blueprint, Flask, Response, abort, current_app, jsonify, make_response, request

from app.core import clock, outside
from app.core.caching import public
from app.core.errors import ConfigError, GatewayError, NotFound
from app.core.htmx import render
from app.core.outside import Address
from app.core.security import access
from app.core.web import limiter
from app.gateways.wechat.port import NotSignable
from app.sharing import queries, structured
from app.sharing.poster import Poster, PosterStore, draw
from app.sharing.structured import absolute

log = structlog.get_logger(__name__)
blueprint = Blueprint("sharing", __name__)
PER_SITEMAP = 50_000
PRIVATE = ("/me", "/staff", "/admin", "/bookings", "/wechat", "/pay", "/r/", "/share/config")
XMLNS = "http://www.sitemaps.org/schemas/sitemap/0.9"
PICTURE_FORMS = (("960", "webp"), ("640", "webp"), ("480", "webp"), ("960", "jpg"))


def register(app: Flask) -> None:
    """What templates may call, what the rooms below have to show, and no private page in a search engine."""
    app.jinja_env.globals.update(structured=structured, json_ld=structured.json_ld)
    app.extensions["posters"] = PosterStore()
    outside.register_addresses(app, queries.list_addresses)
    outside.register_poster(app, "series", queries.find_series_poster)
    outside.register_poster(app, "deal", queries.find_deal_poster)
    outside.register_poster(app, "dealer", queries.find_dealer_poster)
    app.after_request(_keep_private)


def _keep_private(response: Response) -> Response:
    """Whatever is not public says so to search engines, and so do pages with a state of their own."""
    view: Any = current_app.view_functions.get(request.endpoint or "")
    if view is not None and getattr(view, "__access__", "public") != "public":
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@blueprint.get("/robots.txt")
@access("public")
def show_robots() -> Response:
    """What search engines leave alone, and where they find the rest."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in PRIVATE), f"Sitemap: {absolute('/sitemap.xml')}"]
    return _text("\n".join(lines) + "\n", "text/plain")


@blueprint.get("/sitemap.xml")
@access("public")
def show_sitemap() -> Response:
    """Every public page; an index of parts when there are more than fit into one."""
    rows = outside.addresses(clock.now())
    if len(rows) <= PER_SITEMAP:
        return _text(_urlset(rows), "application/xml")
    parts = "".join(
        f"<sitemap><loc>{escape(absolute(f'/sitemap-{n}.xml'))}</loc></sitemap>"
        for n in range(1, ceil(len(rows) / PER_SITEMAP) + 1)
    )
    return _text(f'{_XML}<sitemapindex xmlns="{XMLNS}">{parts}</sitemapindex>\n', "application/xml")


@blueprint.get("/sitemap-<int:part>.xml")
@access("public")
def show_sitemap_part(part: int) -> Response:
    """One part of a large sitemap."""
    rows = outside.addresses(clock.now())[(part - 1) * PER_SITEMAP : part * PER_SITEMAP] if part else []
    if not rows:
        abort(404)
    return _text(_urlset(rows), "application/xml")


@blueprint.get("/share/config")
@access("public")
@limiter.limit("60/minute")
def show_share_config() -> Response:
    """`wx.config` for one of our own pages; without it WeChat shares the plain address."""
    try:
        config = current_app.extensions["wechat"].js_config(request.args.get("url", ""))
    except NotSignable:
        abort(404)
    except (GatewayError, ConfigError) as error:
        log.warning("share_not_signed", error=type(error).__name__)
        response = make_response(jsonify(error="unavailable"), 503)
    else:
        response = jsonify(
            appId=config.app_id, timestamp=config.timestamp, nonceStr=config.nonce_str, signature=config.signature
        )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/share/poster/<kind>/<slug>")
@access("public")
def show_poster(kind: str, slug: str) -> Response:
    """The poster on a page: press and hold to keep it, or download."""
    poster = _poster(kind, slug)
    return public(render("sharing/poster.html", poster=poster, address=f"/share/poster/{kind}/{slug}/poster.jpg"))


@blueprint.get("/share/poster/<kind>/<slug>/poster.jpg")
@access("public")
@limiter.limit("60/minute")
def show_poster_picture(kind: str, slug: str) -> Response:
    """The picture itself, always of today's facts: kept by their digest, asked for again each time."""
    poster = _poster(kind, slug)
    response = make_response()
    response.headers["Cache-Control"] = "public, max-age=0, must-revalidate"
    response.set_etag(poster.key)
    if request.if_none_match.contains(poster.key):
        return response.make_conditional(request)  # pyright: ignore[reportReturnType]
    store: PosterStore = current_app.extensions["posters"]
    content = store.find(poster.key)
    if content is None:
        content = draw(poster, _picture(poster.facts.digest))
        store.keep(poster.key, content)
    response.data = content
    response.mimetype = "image/jpeg"
    if "save" in request.args:
        response.headers["Content-Disposition"] = 'attachment; filename="poster.jpg"'
    return response


def _poster(kind: str, slug: str) -> Poster:
    facts = outside.poster_facts(kind, slug, clock.now())
    if facts is None:
        raise NotFound("没有找到这张海报，活动可能已结束。")
    return Poster(facts, absolute(facts.path), queries.brand_name(), clock.today())


def _picture(digest: str | None) -> bytes | None:
    """A stored picture large enough for a poster, in a format Pillow reads everywhere."""
    storage = current_app.extensions["storage"]
    names = [f"{digest}/{width}.{form}" for width, form in PICTURE_FORMS] if digest else []
    return next((content for name in names if (content := storage.get(name)) is not None), None)


_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


def _urlset(rows: list[Address]) -> str:
    return f'{_XML}<urlset xmlns="{XMLNS}">{"".join(_url(row) for row in rows)}</urlset>\n'


def _url(row: Address) -> str:
    changed = f"<lastmod>{clock.local(row.changed_at).date()}</lastmod>" if row.changed_at else ""
    return f"<url><loc>{escape(absolute(row.path))}</loc>{changed}</url>"


def _text(text: str, mimetype: str) -> Response:
    response = make_response(text)
    response.mimetype = mimetype
    return public(response)
