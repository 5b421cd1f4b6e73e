"""H5 payment: the page a phone's browser opens; also which key WeChat Pay signs with, for tests."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox import cashier, keys
from sandbox.signing import PayError
from sandbox.world import world

blueprint = Blueprint("h5", __name__)
LIFETIME_S = 300
NOTIFY = {"pay": "normal", "silent": "none", "early": "before_return"}


@blueprint.get("/h5pay")
def show() -> tuple[str, int]:
    """The cashier, if the browser came from the registered domain, is not WeChat, and came in five minutes."""
    here, back = world(), request.args.get("redirect_url", "")
    prepay_id = request.args.get("prepay_id", "")
    row = here.store.one("SELECT * FROM prepays WHERE prepay_id = ?", prepay_id)
    problem, order = "", None
    if "micromessenger" in request.headers.get("User-Agent", "").lower():
        problem = "请在微信外打开订单，进行支付"
    elif not here.settings.allows(request.headers.get("Referer", "")):
        problem = "商家参数格式有误，请联系商家解决（Referer 为空或不是已登记的 H5 支付域名）"
    elif back and not here.settings.allows(back):
        problem = "redirect_url 不在已登记的域名下"
    elif row is not None and row["created_at"] + LIFETIME_S < here.now():
        problem = "支付请求已失效，请重新发起支付"
    else:
        order, problem = cashier.find_payable(here, prepay_id)
    page = render_template("h5.html", order=order, problem=problem, prepay_id=prepay_id, back=back)
    return page, 200 if order is not None else 403


@blueprint.post("/h5pay")
def act() -> BaseResponse:
    """pay, silent (paid, no notice), early (notice before the return), fail or cancel; then back to the shop."""
    here, back, do = world(), request.form.get("redirect_url", ""), request.form.get("do", "")
    order, problem = cashier.find_payable(here, request.form.get("prepay_id", ""))
    if order is None or do not in {*NOTIFY, "fail", "cancel"}:
        return Response(problem or "没有这个操作", 409, content_type="text/plain; charset=utf-8")
    if do in NOTIFY:
        try:
            cashier.pay(here, order["out_trade_no"], notify=NOTIFY[do])
        except PayError as error:
            return Response(error.message, 409, content_type="text/plain; charset=utf-8")
    return redirect(back if back and here.settings.allows(back) else here.settings.shop_url, 303)


@blueprint.post("/sim/pay/scan")
def scan() -> tuple[Response, int] | Response:
    """Somebody scans a Native code and pays: {"code_url": "weixin://…", "notify": …, "faults": […]}."""
    here, data = world(), request.get_json(force=True)
    prepay_id = urlsplit(str(data.get("code_url", ""))).query.removeprefix("pr=")
    order, problem = cashier.find_payable(here, prepay_id)
    if order is None:
        return jsonify(error=problem), 409
    paid = cashier.pay(here, order["out_trade_no"], notify=data.get("notify", "normal"), faults=data.get("faults"))
    return jsonify(out_trade_no=order["out_trade_no"], **paid)


@blueprint.post("/sim/pay/signer")
def choose() -> tuple[Response, int] | Response:
    """Which key signs from now on: {"mode": "public_key|certificate", "number": 1, "announced": 0}."""
    try:
        return jsonify(keys.choose_signer(world(), request.get_json(force=True)))
    except ValueError as error:
        return jsonify(error=str(error)), 400
