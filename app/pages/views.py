"""Pages that compose several rooms, and the ones that belong to none."""

from flask import Blueprint, Response, abort, g, request, send_from_directory

from app.booking import queries as booking
from app.booking.rules import state_words
from app.core.caching import public
from app.core.config import ROOT
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import settings
from app.pages.legal import LEGAL

blueprint = Blueprint("pages", __name__)
CARE_COOKIE, YEAR = "mode", 31536000


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


@blueprint.get("/favicon.ico")
@access("public")
def show_icon() -> Response:
    """For clients that ask for it by its old name."""
    return send_from_directory(ROOT / "static" / "img", "icon.svg", mimetype="image/svg+xml", max_age=86400)
