"""Pages that compose several rooms, and the ones that belong to none."""

from flask import Blueprint, Response, abort, g, jsonify, make_response, request, send_from_directory

from app.booking import queries as booking
from app.booking.rules import state_words
from app.catalog import queries as catalog
from app.core import clock
from app.core.caching import public
from app.core.config import ROOT
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import settings
from app.pages import health
from app.pages.legal import LEGAL

blueprint = Blueprint("pages", __name__)
CARE_COOKIE, YEAR = "mode", 31536000


@blueprint.get("/")
@access("public")
def show_home() -> Response:
    """首页"""
    now = clock.now()
    cards = catalog.list_series()
    deals = booking.list_running_deals(now, 3)
    hero = next((card for card in cards if card.from_fen is not None), None)
    return public(render("pages/home.html", brand=catalog.find_brand(), hero=hero, cards=cards, deals=deals))


@blueprint.get("/me")
@access("member")
def show_me() -> Response:
    """我的"""
    rows = booking.list_bookings(g.member.id, 3)
    words = {row.id: state_words(row.state, row.earnest_kind) for row in rows}
    return render("pages/me.html", member=g.member, bookings=rows, words=words)


@blueprint.get("/legal/<name>")
@access("public")
def show_legal(name: str) -> Response:
    """用户协议, 隐私政策, 订金规则"""
    document = LEGAL.get(name)
    if document is None:
        abort(404)
    return public(render("pages/legal.html", document=document))


@blueprint.get("/credits")
@access("public")
def show_credits() -> Response:
    """图片与开源致谢"""
    return public(render("pages/credits.html"))


@blueprint.get("/mode")
@access("public")
def show_mode() -> Response:
    """关怀模式, for browsers without JavaScript; elsewhere the footer's link does it at once."""
    care = request.args.get("set", "care") == "care"
    response = render("pages/mode.html", care=care)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/mode")
@access("public")
def set_mode() -> Response:
    """Remember the mode on this device."""
    mode = "care" if request.form.get("set") == "care" else "standard"
    response = go("/")
    response.set_cookie(CARE_COOKIE, mode, max_age=YEAR, samesite="Lax", secure=settings().production)
    return response


@blueprint.get("/healthz")
@access("public")
def show_alive() -> Response:
    """200 while the process lives."""
    return make_response(jsonify(status="ok"))


@blueprint.get("/readyz")
@access("public")
def show_ready() -> Response:
    """200 when every part is well, else 503; names each part."""
    parts = health.check()
    well = all(part.ok for part in parts)
    body = {part.name: {"ok": part.ok, "detail": part.detail} for part in parts}
    response = make_response(jsonify(status="ok" if well else "unavailable", parts=body), 200 if well else 503)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/robots.txt")
@access("public")
def show_robots() -> Response:
    """What search engines leave alone."""
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in ("/me", "/staff", "/admin", "/bookings", "/wechat", "/r/")),
    ]
    response = make_response("\n".join(lines) + "\n")
    response.mimetype = "text/plain"
    return response


@blueprint.get("/favicon.ico")
@access("public")
def show_icon() -> Response:
    """For clients that ask for it by its old name."""
    return send_from_directory(ROOT / "static" / "img", "icon.svg", mimetype="image/svg+xml", max_age=86400)
