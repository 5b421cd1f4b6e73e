"""The developer's pages: what happened, whom to be, and the buttons to play with."""

from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox import cashier, constants, control, control_account, desk, followers, oauth, orders, refunds, sms, weather
from sandbox.signing import PayError
from sandbox.world import find_person, list_people, world

blueprint = Blueprint("pages", __name__)
STATE_WORDS = {"NOTPAY": "待支付", "SUCCESS": "已支付", "CLOSED": "已关闭", "REFUND": "有退款"}
CHAT_WORDS = {"template": "模板消息", "notice": "订阅通知", "custom": "客服消息", "reply": "自动回复", "said": "我说"}
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
        people=[{**dict(row), **followers.as_json(here, row["openid"])} for row in list_people(here)],
        orders=[control.order_json(here, row) for row in orders.list_orders(here)[:20]],
        refunds=[refunds.describe(here, row) for row in refunds.list_refunds(here)[:10]],
        messages=sms.list_messages(here, limit=3),
        scenes=here.store.rows("SELECT * FROM scenes ORDER BY rowid DESC LIMIT 8"),
        chat=[row for row in followers.chat_of(here, limit=20) if row["kind"] != "said"][:6],
        names={row["openid"]: row["nickname"] for row in list_people(here)},
        chat_words=CHAT_WORDS,
        weather_words=weather.FAULTS,
        log=control.list_log(here, "", 15),
        down=weather.is_down(here),
        faults=constants.FAULTS,
        desk=desk.settings_of(here),
        state_words=STATE_WORDS,
        notice_words=NOTICE_WORDS,
        said=request.args.get("said", ""),
    )


@blueprint.get("/people/<openid>")
def show_person(openid: str) -> tuple[str, int] | str:
    """One person's phone: the chat with the account, its menu, follow and unfollow."""
    here = world()
    person = find_person(here, openid)
    if person is None:
        return "没有这个人", 404
    menu = here.store.get_meta("menu") or {"button": []}
    buttons = [leaf for button in menu["button"] for leaf in button.get("sub_button") or [button]]
    return render_template(
        "person.html",
        settings=here.settings,
        person=person,
        state=followers.as_json(here, openid),
        chat=followers.chat_of(here, openid, 50),
        chat_words=CHAT_WORDS,
        menu=buttons,
        said=request.args.get("said", ""),
    )


@blueprint.post("/play/people/<openid>")
def act(openid: str) -> BaseResponse:
    """A button of the person's page."""
    text = request.form.get("text", "")
    try:
        control_account.perform(openid, request.form.get("action", ""), {"text": text})
    except (ValueError, KeyError) as error:
        return redirect(f"/people/{openid}?" + urlencode({"said": f"做不到：{error}"}), 303)
    return redirect(f"/people/{openid}", 303)


@blueprint.get("/play/view/<openid>")
def view(openid: str) -> BaseResponse:
    """A menu button with an address: tell the shop, then open it as this person."""
    here, url = world(), request.args.get("url", "")
    if not here.settings.allows(url) or find_person(here, openid) is None:
        return _home("菜单的地址不是商城的页面。")
    control_account.perform(openid, "view", {"text": url})
    return _as(openid, url)


@blueprint.post("/play/be/<openid>")
def be(openid: str) -> BaseResponse:
    """Open the shop as this person: the next login in this browser asks nobody."""
    if find_person(world(), openid) is None:
        return _home("没有这个人。")
    return _as(openid, world().settings.shop_url + "/")


@blueprint.post("/play/scan")
def scan() -> BaseResponse:
    """Somebody scans a scene code; then look at the chat."""
    openid, code = request.form.get("person", ""), request.form.get("code", "")
    try:
        followers.scan(world(), openid, code)
    except ValueError as error:
        return _home(f"扫码失败：{error}")
    return redirect(f"/people/{openid}?" + urlencode({"said": "扫到了，商城已收到事件。"}), 303)


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


def _as(openid: str, url: str) -> BaseResponse:
    response = redirect(url, 303)
    response.set_cookie(oauth.COOKIE, openid, path="/connect", httponly=True, samesite="Lax", max_age=30 * 86400)
    return response


def _home(said: str) -> BaseResponse:
    return redirect("/?" + urlencode({"said": said}), 303)
