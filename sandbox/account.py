"""The account's APIs beside tokens: scene codes, messages, followers, menu, media, quotas."""

import json
import re
from datetime import datetime
from io import BytesIO
from typing import Any

import segno
from flask import Blueprint, Response, render_template, request
from PIL import Image

from sandbox import constants, followers, push
from sandbox.answers import answer, refuse
from sandbox.tokens import token_problem
from sandbox.world import CHINA, World, find_person, list_people, world

blueprint = Blueprint("account", __name__)
TEMPLATE_ID = re.compile(r"[0-9A-Za-z_-]{8,64}")
MAX_EXPIRE_S = 2_592_000
DEFAULT_EXPIRE_S = 60
MAX_PERMANENT = 100_000
CLEAR_PER_MONTH = 10
MEDIA_LIFETIME_S = 3 * 86400
REPEAT_S = 600
BUTTON_TYPES = {
    "click": "key",
    "view": "url",
    "miniprogram": "appid",
    "scancode_push": "key",
    "scancode_waitmsg": "key",
    "location_select": "key",
    "media_id": "media_id",
}


class Refused(Exception):
    """The errcode to answer."""


@blueprint.errorhandler(Refused)
def refused(error: Refused) -> Response:
    """errcode and errmsg."""
    return refuse(error.args[0])


@blueprint.before_request
def need_token() -> Response | None:
    """Every call but the picture carries a living access_token."""
    if not request.path.startswith("/cgi-bin/") or request.path in {"/cgi-bin/showqrcode", "/cgi-bin/clear_quota"}:
        return None
    problem = token_problem(world(), request.args.get("access_token", ""))
    return refuse(problem) if problem else None


@blueprint.post("/cgi-bin/qrcode/create")
def create_code() -> Response:
    """带参数二维码: a ticket, and an address to draw oneself."""
    here, data = world(), _body()
    action, scene = str(data.get("action_name", "")), _scene(data)
    expires: float | None = None
    if action.startswith("QR_LIMIT"):
        count = here.store.one("SELECT COUNT(*) AS n FROM scenes WHERE expires_at IS NULL")
        if count and count["n"] >= MAX_PERMANENT:
            raise Refused(45009)
        old = here.store.one("SELECT * FROM scenes WHERE scene = ? AND action = ?", scene, action)
        if old:
            return answer(ticket=old["ticket"], url=_code_url(here, old["key"]))
    else:
        seconds = data.get("expire_seconds", DEFAULT_EXPIRE_S)
        if type(seconds) is not int or not 0 < seconds <= MAX_EXPIRE_S:
            raise Refused(40097)
        expires = here.now() + seconds
    ticket, key = "gQ" + here.word("qr_ticket", 94), "02" + here.word("qr_key", 22)
    here.store.insert(
        "scenes", ticket=ticket, key=key, action=action, scene=scene, created_at=here.now(), expires_at=expires
    )
    here.store.log("qrcode", action=action, scene=scene)
    more = {} if expires is None else {"expire_seconds": data.get("expire_seconds", DEFAULT_EXPIRE_S)}
    return answer(ticket=ticket, url=_code_url(here, key), **more)


@blueprint.get("/cgi-bin/showqrcode")
def show_code() -> Response:
    """The picture of a ticket, 430 pixels wide; an unknown ticket is 404."""
    here = world()
    row = here.store.one("SELECT * FROM scenes WHERE ticket = ?", request.args.get("ticket", ""))
    if row is None:
        return Response(status=404)
    drawn, picture = BytesIO(), BytesIO()
    segno.make(_code_url(here, row["key"]), micro=False, error="m").save(drawn, kind="png", scale=8, border=4)
    Image.open(drawn).convert("RGB").resize((430, 430)).save(picture, "JPEG", quality=90)
    return Response(picture.getvalue(), content_type="image/jpg")


@blueprint.get("/q/<key>")
def open_code(key: str) -> tuple[str, int]:
    """What a phone's camera finds in a scene code: a page on which to be somebody and scan it."""
    here = world()
    row = followers.find_scene(here, key)
    expired = row is not None and row["expires_at"] is not None and row["expires_at"] <= here.now()
    page = render_template("scanned.html", row=row, expired=expired, people=list_people(here))
    return page, 200 if row is not None and not expired else 404


@blueprint.post("/cgi-bin/message/template/send")
def send_template() -> Response:
    """模板消息: to followers only; a repeated client_msg_id sends nothing within ten minutes."""
    here, data = world(), _body()
    openid, template_id, client_id = _receiver(here, data), _template(here, data), str(data.get("client_msg_id", ""))
    if not followers.state(here, openid)["subscribed"]:
        raise Refused(43004)
    _check_data(data)
    if client_id:
        old = here.store.one(
            "SELECT msgid FROM chat WHERE kind = 'template' AND openid = ? AND client_msg_id = ? AND created_at > ?",
            openid,
            client_id,
            here.now() - REPEAT_S,
        )
        if old:
            return answer(errcode=0, errmsg="ok", msgid=int(old["msgid"]))
    number, blocked = _number(here), bool(followers.state(here, openid)["blocks"])
    push.keep_chat(
        here,
        openid,
        "template",
        data,
        template_id=template_id,
        msgid=str(number),
        client_msg_id=client_id,
        result="blocked" if blocked else "ok",
    )
    status = here.store.get_meta("template_status") or ("failed:user block" if blocked else "success")
    push.event(here, openid, "TEMPLATESENDJOBFINISH", MsgID=number, Status=status)
    return answer(errcode=0, errmsg="ok", msgid=number)


@blueprint.post("/cgi-bin/message/subscribe/bizsend")
def send_notice() -> Response:
    """订阅通知: one consent, one message."""
    here, data = world(), _body()
    openid, template_id = _receiver(here, data), _template(here, data)
    _check_data(data)
    taken = here.store.execute(
        "UPDATE consents SET left = left - 1 WHERE openid = ? AND template_id = ? AND left > 0", openid, template_id
    )
    if not taken:
        raise Refused(43101)
    number = _number(here)
    push.keep_chat(here, openid, "notice", data, template_id=template_id, msgid=str(number))
    rows = [{"TemplateId": template_id, "MsgID": str(number), "ErrorCode": "0", "ErrorStatus": "success"}]
    push.event(here, openid, "subscribe_msg_sent_event", SubscribeMsgSentEvent={"List": rows})
    return answer(errcode=0, errmsg="ok")


@blueprint.post("/cgi-bin/message/custom/send")
def send_customer() -> Response:
    """客服消息: only while a window is open that the person opened."""
    here, data = world(), _body()
    openid, kind = _receiver(here, data), str(data.get("msgtype", ""))
    if kind not in {"text", "image", "news", "link", "mpnews", "msgmenu", "miniprogrampage"} or kind not in data:
        raise Refused(40097)
    if not followers.state(here, openid)["subscribed"]:
        raise Refused(45015)
    if problem := followers.take_customer_message(here, openid):
        raise Refused(problem)
    push.keep_chat(here, openid, "custom", data)
    return answer(errcode=0, errmsg="ok")


@blueprint.get("/cgi-bin/user/info")
def user_info() -> Response:
    """Whether somebody follows, since when and from where; no nickname since 2021."""
    here = world()
    openid = request.args.get("openid", "")
    person = find_person(here, openid)
    if person is None:
        raise Refused(40003)
    row = followers.state(here, openid)
    if not row["subscribed"]:
        return answer(subscribe=0, openid=openid, unionid=person["unionid"])
    origin, _, scene = row["scene"].partition(":")
    return answer(
        subscribe=1,
        openid=openid,
        nickname="",
        sex=0,
        language="zh_CN",
        city="",
        province="",
        country="",
        headimgurl="",
        subscribe_time=int(row["since"]),
        unionid=person["unionid"],
        remark="",
        groupid=0,
        tagid_list=[],
        subscribe_scene=origin,
        qr_scene=int(scene) if scene.isdigit() else 0,
        qr_scene_str="" if scene.isdigit() else scene,
    )


@blueprint.post("/cgi-bin/menu/create")
def create_menu() -> Response:
    """The account's menu: one to three buttons, each with up to five below it."""
    here, data = world(), _body()
    _check_buttons(data.get("button"), 3, 16)
    here.store.set_meta("menu", {"button": data["button"]})
    here.store.log("menu", buttons=[each["name"] for each in data["button"]])
    return answer(errcode=0, errmsg="ok")


@blueprint.get("/cgi-bin/menu/get")
def get_menu() -> Response:
    """The menu as it was made; 46003 if there is none."""
    menu = world().store.get_meta("menu")
    return answer(menu={**menu, "menuid": 1}) if menu else refuse(46003)


@blueprint.get("/cgi-bin/menu/delete")
def delete_menu() -> Response:
    """No menu any more."""
    world().store.set_meta("menu", None)
    return answer(errcode=0, errmsg="ok")


@blueprint.get("/cgi-bin/media/get")
def get_media() -> Response:
    """A picture that a page uploaded with wx.uploadImage, for three days."""
    here = world()
    row = here.store.one("SELECT * FROM media WHERE media_id = ?", request.args.get("media_id", ""))
    if row is None or row["created_at"] + MEDIA_LIFETIME_S <= here.now():
        raise Refused(40007)
    response = Response(row["content"], content_type=row["mime"])
    response.headers["Content-Disposition"] = f'attachment; filename="{row["media_id"]}.jpg"'
    return response


@blueprint.post("/cgi-bin/clear_quota")
def clear_quota() -> Response:
    """All daily counts start anew; ten times a month."""
    here, data = world(), _body()
    if problem := token_problem(here, request.args.get("access_token", "")):
        raise Refused(problem)
    if data.get("appid") != constants.APP_ID:
        raise Refused(40013)
    month = datetime.fromtimestamp(here.now(), CHINA).strftime("%Y-%m")
    used = here.store.get_meta("cleared", {}).get(month, 0)
    if used >= CLEAR_PER_MONTH:
        raise Refused(48006)
    here.store.set_meta("cleared", {month: used + 1})
    here.store.set_meta("quota_used", {})
    here.store.set_meta("forced", [])
    return answer(errcode=0, errmsg="ok")


def code_url(here: World, key: str) -> str:
    """The text in a scene code's picture."""
    return _code_url(here, key)


def _code_url(here: World, key: str) -> str:
    return f"{here.settings.public_url}/q/{key}"


def _body() -> dict[str, Any]:
    raw = request.get_data()
    if not raw:
        raise Refused(44002)
    try:
        data = json.loads(raw)
    except ValueError:
        raise Refused(47001) from None
    if not isinstance(data, dict):
        raise Refused(47001)
    return data


def _scene(data: dict[str, Any]) -> str:
    """The scene as text, within the limits of its kind."""
    try:
        scene = data["action_info"]["scene"]
        number, text = scene.get("scene_id"), scene.get("scene_str")
    except (KeyError, TypeError, AttributeError):
        raise Refused(40053) from None
    action = data.get("action_name")
    if action in {"QR_STR_SCENE", "QR_LIMIT_STR_SCENE"}:
        if isinstance(text, str) and 1 <= len(text) <= 64:
            return text
    elif action in {"QR_SCENE", "QR_LIMIT_SCENE"}:
        top = 2**32 - 1 if action == "QR_SCENE" else 100_000
        if type(number) is int and 1 <= number <= top:
            return str(number)
    raise Refused(40053)


def _receiver(here: World, data: dict[str, Any]) -> str:
    openid = data.get("touser")
    if not isinstance(openid, str) or find_person(here, openid) is None:
        raise Refused(40003)
    return openid


def _template(here: World, data: dict[str, Any]) -> str:
    """Any well-formed id is one of the account's templates, except those that `/sim/templates` took away."""
    template_id = data.get("template_id")
    if not isinstance(template_id, str) or not TEMPLATE_ID.fullmatch(template_id):
        raise Refused(40037)
    if template_id in here.store.get_meta("templates_gone", []):
        raise Refused(40037)
    return template_id


def _check_data(data: dict[str, Any]) -> None:
    values = data.get("data")
    if not isinstance(values, dict) or not values:
        raise Refused(47003)
    for each in values.values():
        if not isinstance(each, dict) or not isinstance(each.get("value"), str) or not each["value"]:
            raise Refused(47003)


def _number(here: World) -> int:
    return 3_000_000_000_000_000_000 + here.store.count("template_msgid")


def _check_buttons(buttons: object, most: int, name_bytes: int) -> None:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= most:
        raise Refused(40016)
    for button in buttons:
        name = button.get("name") if isinstance(button, dict) else None
        if not isinstance(name, str) or not 1 <= len(name.encode()) <= name_bytes:
            raise Refused(40018)
        if button.get("sub_button"):
            _check_buttons(button["sub_button"], 5, 60)
            continue
        needed = BUTTON_TYPES.get(button.get("type", ""))
        if needed is None:
            raise Refused(40017)
        if not isinstance(button.get(needed), str) or not 1 <= len(button[needed].encode()) <= 1024:
            raise Refused(40027)
