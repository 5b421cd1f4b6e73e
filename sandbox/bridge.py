"""The JS side: one script made of our bridge and the original SDK, its checks, and its dialogs."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, render_template, request

from sandbox import account, cashier, constants, coordinates, followers
from sandbox.oauth import COOKIE
from sandbox.signing import PayError
from sandbox.tokens import valid_tickets
from sandbox.world import find_person, list_people, world

blueprint = Blueprint("bridge", __name__)
STATIC = Path(__file__).parent / "static"
SDK = STATIC / "weixin-js-sdk@1.6.5" / "index.js"
# The SDK reports to WeChat by an image; inside this wrapper `Image` is inert, so nothing leaves the machine.
WRAPPED = """%s
;(function () {
var module = { exports: {} };
var Image = function () { return {}; };
%s
window.wx = window.jWeixin = module.exports;
})();
"""
# Name, latitude and longitude (WGS-84) of squares that everybody knows.
PLACES = (
    ("上海 人民广场", 31.228611, 121.474722),
    ("北京 天安门广场", 39.903333, 116.391667),
    ("杭州 武林广场", 30.272778, 120.162222),
    ("广州 花城广场", 23.120278, 113.324722),
    ("成都 天府广场", 30.657778, 104.065833),
)
CASHIER_ACTIONS = {
    "pay": ("ok", "normal"),
    "silent": ("ok", "none"),
    "early": ("ok", "before_return"),
    "cancel": ("cancel", None),
    "fail": ("fail", None),
    "lie": ("ok", None),
}


@blueprint.get("/jssdk/jweixin-1.6.0.js")
def script() -> Response:
    """The bridge followed by the unmodified SDK file."""
    text = WRAPPED % ((STATIC / "bridge.js").read_text("utf-8"), SDK.read_text("utf-8"))
    response = Response(text, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.post("/sim/bridge/verify")
def verify_config() -> Response:
    """preVerifyJSAPI: recompute the page's signature with the tickets we issued."""
    here = world()
    data, url = _call()
    if data.get("verifyAppId") != constants.APP_ID or not here.settings.allows(url):
        return _result("preVerifyJSAPI:fail_invalid url domain")
    for ticket in valid_tickets(here):
        text = (
            f"jsapi_ticket={ticket}&noncestr={data.get('verifyNonceStr')}"
            f"&timestamp={data.get('verifyTimestamp')}&url={url}"
        )
        if hmac.compare_digest(hashlib.sha1(text.encode()).hexdigest(), str(data.get("verifySignature"))):
            return _result("preVerifyJSAPI:ok")
    here.store.log("bridge", error="invalid signature", url=url)
    return _result("preVerifyJSAPI:fail_invalid signature")


@blueprint.post("/sim/bridge/pay")
def verify_payment() -> Response:
    """getBrandWCPayRequest: check signature, prepay_id and page before the cashier opens."""
    here = world()
    data, url = _call()
    order, reason = cashier.check_call(here, data, url)
    if order is None:
        here.store.log("bridge", error=reason, url=url)
        return _result("get_brand_wcpay_request:fail", err_desc=reason)
    return _result("get_brand_wcpay_request:open", prepay_id=str(data["package"]).removeprefix("prepay_id="))


@blueprint.get("/sim/cashier")
def show_cashier() -> str:
    """The payment dialog inside the shop's page."""
    here = world()
    order, reason = cashier.find_payable(here, request.args.get("prepay_id", ""))
    return render_template(
        "cashier.html", order=order, reason=reason, origin=_shop_origin(), faults=constants.FAULTS, **_ticket()
    )


@blueprint.post("/sim/cashier")
def press_button() -> str:
    """One of the cashier's buttons; the page then hands the result to the bridge."""
    here, form = world(), request.form
    if form.get("action") not in CASHIER_ACTIONS:
        abort(400)
    word, notify = CASHIER_ACTIONS[form["action"]]
    result = {"err_msg": f"get_brand_wcpay_request:{word}"}
    order, reason = cashier.find_payable(here, form.get("prepay_id", ""))
    if word == "fail":
        result["err_desc"] = "支付失败（沙箱模拟）"
    elif notify and order is None:
        result = {"err_msg": "get_brand_wcpay_request:fail", "err_desc": reason}
    elif notify and order is not None:
        try:
            cashier.pay(here, order["out_trade_no"], notify=notify, faults=form.getlist("fault") or None)
        except PayError as error:
            result = {"err_msg": "get_brand_wcpay_request:fail", "err_desc": error.message}
    here.store.log("cashier", action=form["action"], out_trade_no=order["out_trade_no"] if order else None)
    return render_template("dialog_done.html", result=result, origin=_shop_origin(), **_ticket())


@blueprint.get("/sim/dialog/<kind>")
def show_dialog(kind: str) -> str:
    """Location, scanner, map, pictures, address, subscription, and the page that was closed."""
    if kind not in {"location", "scan", "map", "closed", "preview", "address", "subscribe"}:
        abort(404)
    gcj = request.args.get("type") == "gcj02"
    places = [(name, *(coordinates.wgs_to_gcj(lat, lng) if gcj else (lat, lng))) for name, lat, lng in PLACES]
    more: dict[str, Any] = {}
    if kind == "preview":
        more["urls"] = [url for url in json.loads(request.args.get("urls", "[]")) if str(url).startswith("http")]
    if kind == "subscribe":
        more["templates"] = [each for each in request.args.get("template", "").split(",") if each][:3]
        more["people"] = list_people(world())
        more["present"] = request.cookies.get(COOKIE, "")  # who this browser logged in as, as WeChat would know
    if kind == "scan":
        rows = world().store.rows("SELECT * FROM scenes ORDER BY rowid DESC LIMIT 6")
        more["scenes"] = [(row["scene"], account.code_url(world(), row["key"])) for row in rows]
    return render_template(f"dialog_{kind}.html", origin=_shop_origin(), places=places, **more, **_ticket())


@blueprint.post("/sim/dialog/subscribe")
def agree() -> str:
    """The choices of the subscription dialog, as the open tag hands them over; the shop gets the event."""
    here, form = world(), request.form
    templates = [each for each in form.get("template", "").split(",") if each]
    result: dict[str, str] = {"errMsg": "subscribe:fail"}
    if form.get("action") == "allow" and find_person(here, form.get("person", "")) is not None:
        chosen = form.getlist("choice")
        choices = {each: "accept" if each in chosen else "reject" for each in templates}
        followers.answer_popup(here, form["person"], choices)
        details = {each: json.dumps({"status": choice}) for each, choice in choices.items()}
        result = {"errMsg": "subscribe:ok", "subscribeDetails": json.dumps(details)}
    return render_template("dialog_done.html", result=result, origin=_shop_origin(), **_ticket())


@blueprint.post("/sim/bridge/place")
def locate() -> Response:
    """Where `/sim/place` put everybody; `geoLocation:ask` when nobody was put anywhere."""
    place = world().store.get_meta("place")
    if place is None:
        return _result("geoLocation:ask")
    if place == "refuse":
        return _result("geoLocation:cancel")
    data, _ = _call()
    point = coordinates.wgs_to_gcj(*place) if data.get("type") == "gcj02" else place
    return _result("geoLocation:ok", latitude=str(point[0]), longitude=str(point[1]), speed="0.0", accuracy="30.0")


def _call() -> tuple[dict[str, Any], str]:
    """Parameters and page address of a bridge call; sent as text/plain, so no preflight is needed."""
    try:
        data = json.loads(request.get_data())
        return dict(data["params"]), str(data["url"]).split("#", 1)[0]
    except (ValueError, KeyError, TypeError):
        abort(400)


def _result(err_msg: str, **more: str) -> Response:
    response = Response(json.dumps({"err_msg": err_msg, **more}), content_type="application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _shop_origin() -> str:
    """The page that receives the result; only registered hosts may open a dialog."""
    origin = request.values.get("origin", "")
    if not world().settings.allows(origin):
        abort(403)
    return origin


def _ticket() -> dict[str, str]:
    return {"ticket": request.values.get("ticket", ""), "prepay_id": request.values.get("prepay_id", "")}
