"""The developer's pages: what happened, whom to be, and the buttons to play with."""

from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox import cashier, constants, control, orders, refunds, sms, weather
from sandbox.signing import PayError
from sandbox.world import find_person, list_people, world

blueprint = Blueprint("pages", __name__)
STATE_WORDS = {"NOTPAY": "待支付", "SUCCESS": "已支付", "CLOSED": "已关闭", "REFUND": "有退款"}
NOTICE_WORDS = {
    "pending": "等待发送",
    "sending": "发送中",
    "done": "商城已收",
    "failed": "重试用尽",
    "held": "没有发送",
}


@blueprint.get("/")
def home() -> str:
    """People, orders with buttons, messages, and how to use it all."""
    here = world()
    return render_template(
        "home.html",
        settings=here.settings,
        people=list_people(here),
        orders=[control.order_json(here, row) for row in orders.list_orders(here)[:20]],
        refunds=[refunds.describe(here, row) for row in refunds.list_refunds(here)[:10]],
        messages=sms.list_messages(here, limit=3),
        log=control.list_log(here, "", 15),
        down=weather.is_down(here),
        faults=constants.FAULTS,
        state_words=STATE_WORDS,
        notice_words=NOTICE_WORDS,
        said=request.args.get("said", ""),
    )


@blueprint.get("/sms")
def inbox() -> str:
    """The text messages as on a phone; refreshes by itself."""
    rows = sms.list_messages(world(), request.args.get("phone", ""))
    return render_template("sms.html", messages=rows, phone=request.args.get("phone", ""))


@blueprint.post("/play/orders/<out_trade_no>/pay")
def pay(out_trade_no: str) -> BaseResponse:
    """The button of the developer page: pay with or without notice and faults."""
    notify = request.form.get("notify", "normal")
    if notify not in cashier.NOTIFY:
        return _home("没有这种通知方式。")
    try:
        cashier.pay(world(), out_trade_no, notify=notify, faults=request.form.getlist("fault") or None)
    except PayError as error:
        return _home(error.message)
    return _home("已支付。")


@blueprint.post("/play/notices/<notice_id>/resend")
def resend(notice_id: str) -> BaseResponse:
    """Send a notice again, correct this time."""
    here = world()
    here.store.execute("UPDATE notices SET faults = '[]' WHERE id = ?", notice_id)
    answer = here.notifier.send_now(notice_id)
    return _home(f"通知已发送，商城回答 {answer['status'] or '没有回应'}。")


@blueprint.post("/play/down")
def down() -> BaseResponse:
    """Switch WeChat off and on."""
    here = world()
    on = weather.is_down(here) is None
    here.store.set_meta("down", {"until": None, "mode": "503", "parts": list(weather.PARTS)} if on else None)
    return _home("微信接口已停用。" if on else "微信接口已恢复。")


@blueprint.get("/sim/avatar/<openid>.svg")
def avatar(openid: str) -> Response:
    """A plain picture with the last character of the nickname."""
    person = find_person(world(), openid)
    if person is None:
        return Response(status=404)
    text = render_template("avatar.svg", colour=person["colour"], letter=person["nickname"][-1])
    return Response(text, content_type="image/svg+xml; charset=utf-8")


def _home(said: str) -> BaseResponse:
    return redirect("/?" + urlencode({"said": said}), 303)
