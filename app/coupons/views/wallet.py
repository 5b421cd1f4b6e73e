"""我的卡券: the wallet, one coupon with its living code, and where it can be used."""

import math
from datetime import datetime, timedelta
from typing import Any

from flask import Response, g, make_response, request, url_for

from app.core import clock
from app.core.htmx import go, render, wants_fragment
from app.core.qr import qr_svg
from app.core.security import access, living_code
from app.core.web import settings
from app.coupons import queries
from app.coupons.queries.wallet import READY
from app.coupons.views import blueprint
from app.dealers import queries as dealers
from app.dealers import telling
from app.dealers.geo import wgs84_to_gcj02
from app.members import queries as members
from app.members.rules import OFFERS, OFFERS_TEXT, OFFERS_VERSION
from app.members.services.consents import record_consent

KIND = "C"  # first letter of a living token that belongs to a coupon
SHOWN_FOR = timedelta(minutes=5)  # then the page stops asking until it is touched


@blueprint.get("/me/coupons")
@access("member")
def list_own() -> Response:
    now = clock.now()
    tab = request.args.get("tab", READY)
    tab = tab if tab in queries.TABS else READY
    counts = queries.count_wallet(g.member.id, now)
    rows = queries.list_wallet(g.member.id, now, tab)
    return render("coupons/wallet.html", rows=rows, tab=tab, tabs=queries.TABS, counts=counts, offers=_offers())


@blueprint.post("/me/coupons/offers")
@access("member")
def agree_to_offers() -> Response:
    """A tick of one's own, never ticked before: coupons may come by themselves. Withdrawn under 隐私与授权."""
    if request.form.get("agree") == "y":
        record_consent(g.member.id, OFFERS, OFFERS_VERSION, OFFERS_TEXT)
    return go(url_for("coupons.list_own") + "#offers")


def _offers() -> dict[str, Any]:
    """Whether the person agreed to be given coupons, and to what exactly."""
    return {"agreed": members.has_consent(g.member.id, OFFERS), "text": OFFERS_TEXT}


@blueprint.get("/me/coupons/<code>")
@access("member")
def show_coupon(code: str) -> Response:
    now = clock.now()
    own = queries.get_own(code, g.member.id, now)
    plain, stores = queries.plain_of(own), _stores(own, now)
    return render("coupons/coupon.html", own=own, plain=plain, stores=stores, **_shown(own, now, now))


@blueprint.get("/me/coupons/<code>/state")
@access("member")
def show_state(code: str) -> Response:
    """Asked every two seconds: nothing while all is as it was seen, else the whole part anew. After five minutes it is
    put away until somebody taps. Asked on, more seldom, while a redemption may still be undone."""
    now = clock.now()
    own = queries.get_own(code, g.member.id, now)
    since = _since(now)
    resting = own.shows_code and now - since > SHOWN_FOR
    same_code = not own.shows_code or request.args.get("minute") == str(_minute(now))
    if wants_fragment() and request.args.get("seen") == own.mark and same_code and not resting:
        return make_response("", 204)
    shown = _shown(own, now, since) if not resting else {"resting": True}
    if wants_fragment():
        return render("coupons/_coupon.html", own=own, **shown)
    return show_coupon(code)


@blueprint.get("/me/coupons/<code>/stores")
@access("member")
def list_stores(code: str) -> Response:
    """哪里能用, nearest first from a place that is used once and forgotten."""
    now = clock.now()
    own = queries.get_own(code, g.member.id, now)
    try:
        lat, lng = float(request.args["lat"]), float(request.args["lng"])
    except (KeyError, ValueError):
        lat = lng = math.nan
    if not (math.isfinite(lat) and math.isfinite(lng) and abs(lat) <= 90 and abs(lng) <= 180):
        return render("coupons/_stores.html", stores=_stores(own, now))
    if request.args.get("system") == "wgs84":
        place = wgs84_to_gcj02(lng, lat)
        lat, lng = place.lat, place.lng
    rows, more = dealers.nearest(lat, lng, now, limit=5, among=own.terms.dealers)
    return render("coupons/_stores.html", stores=(telling.tell(rows, now), more))


def _stores(own: queries.OwnCoupon, now: datetime) -> tuple[list[Any], bool]:
    """The first few by name; of a coupon that is good everywhere none, the list of stores knows them."""
    if own.terms.dealers is None:
        return [], True
    return queries.list_stores(own.terms.dealers, now)


def _shown(own: queries.OwnCoupon, now: datetime, since: datetime) -> dict[str, Any]:
    """The code of this minute."""
    if not own.shows_code:
        return {"minute": _minute(now), "since": int(since.timestamp())}
    code = living_code(settings().secret_key.get_secret_value(), KIND, own.code, now)
    return {
        "minute": _minute(now),
        "since": int(since.timestamp()),
        "code_svg": qr_svg(f"{settings().public_base_url.rstrip('/')}/r/{code.token}"),
        "code_digits": f"{code.digits[:3]} {code.digits[3:]}",
        "has_phone": g.member.phone is not None and g.member.phone_verified_at is not None,
        "code_seconds": max(1, code.expires_at_epoch - int(now.timestamp())),
    }


def _minute(now: datetime) -> int:
    return int(now.timestamp()) // 60


def _since(now: datetime) -> datetime:
    """Since when the page has been asking; without a word, since now."""
    text = request.args.get("since", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        return now
    return min(now, datetime.fromtimestamp(int(text), now.tzinfo))
