"""扫一扫 for shoppers: our own codes open at once, others are named and never followed."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from flask import Response, current_app, g, make_response, redirect, request, url_for

from app.core.errors import GatewayError
from app.core.htmx import render
from app.core.security import access
from app.core.web import settings
from app.gateways.wechat.port import JsConfig, NotSignable
from app.instore import rules
from app.instore.queries.keys import read_code
from app.instore.views import blueprint

log = structlog.get_logger(__name__)
MOST = 500
# Pages of ours that a printed code may lead to; whatever acts by being opened is not among them.
OPENED = re.compile(
    r"/(?:q/[2-9A-Za-z]{12}|series/[\w-]+|deals/[\w-]+|coupons/[\w-]+(?:/(?:claims|shakes)/new)?|coupons/gifts/[\w.-]+|dealers/[\w-]+"
    r"|topics/[\w-]+|compare)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Named:
    """What was scanned, when it is none of ours: its kind in words, where it would lead, the text itself."""

    kind: str
    host: str
    text: str


@blueprint.get("/scan")
@access("public")
def scan() -> Response:
    """By WeChat's scanner, the camera, or typing. `code`: what was read."""
    g.private = True
    text = request.args.get("code", "").strip()[:MOST]
    if not text:
        return _page()
    own = _own_path(text)
    if own is not None:
        return make_response(redirect(own, 302))
    return _page(named=_name(text), typed=text if len(text) <= 40 else "")


def _own_path(text: str) -> str | None:
    """Where a code of ours leads, as a path of this shop."""
    if (code := read_code(text)) is not None:
        return url_for("instore.show_code", code=code)
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    here = urlsplit(settings().public_base_url)
    if (parts.scheme, parts.netloc.lower()) != (here.scheme, here.netloc.lower()) or not OPENED.fullmatch(parts.path):
        return None
    if parts.path.startswith("/q/"):
        code = read_code(parts.path.removeprefix("/q/"))
        return url_for("instore.show_code", code=code) if code else None
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _name(text: str) -> Named:
    """What it is, said without opening it."""
    host = ""
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")[2].lower()
    except ValueError:
        return Named("看不懂的内容", "", text)
    own_host = host and host == urlsplit(settings().public_base_url).netloc.lower()
    if re.fullmatch(r"[BCG]?[\w-]{1,40}\.[A-Z2-7]{16}", text) or parts.path.startswith("/r/"):
        return Named("一张给店员核销的码，请交给店员扫", "", "")
    if own_host and parts.path.startswith("/q/"):
        return Named("一张认不出来的店内码（可能印错或不是本店的）", "", "")
    if parts.scheme in ("http", "https"):
        return Named("本站的其他页面" if own_host else "一个别处的网址", host, text)
    if parts.scheme in ("wxp", "weixin", "alipays"):
        return Named("一张付款或加好友的码", parts.scheme, "")
    if len(rules.plain(text)) == rules.LENGTH and rules.plain(text).isalnum():
        return Named("一个认不出来的码，请核对有没有输错", "", text)
    return Named("一段文字", "", text)


def _page(named: Named | None = None, typed: str = "") -> Response:
    return render("instore/scan.html", named=named, typed=typed, config=_js_config())


def _js_config() -> JsConfig | None:
    if "MicroMessenger" not in request.headers.get("User-Agent", ""):
        return None
    try:
        return current_app.extensions["wechat"].js_config(request.url)
    except (GatewayError, NotSignable) as exc:
        log.warning("page_not_signed", error=type(exc).__name__)
        return None
