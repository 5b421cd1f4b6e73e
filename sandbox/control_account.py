"""`/sim/…` for the account's side: followers, scene codes, pushes, chat, templates, menu, places, quotas."""

import base64
import binascii
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from sandbox import account, followers, oauth, push, weather
from sandbox.control import control_data
from sandbox.world import world

blueprint = Blueprint("control_account", __name__, url_prefix="/sim")
ACTIONS = "follow unfollow scan say click view popup withdraw location block unblock".split()


@blueprint.errorhandler(ValueError)
def bad_request(error: ValueError) -> tuple[Response, int]:
    """400 with the reason."""
    return jsonify(error=str(error)), 400


@blueprint.get("/people/<openid>")
def show_person(openid: str) -> Response:
    """Whether the person follows, and which consents are left."""
    return jsonify(followers.as_json(world(), openid))


@blueprint.post("/people/<openid>/<action>")
def act(openid: str, action: str) -> Response:
    """Do something as this person; {"faults": […]} spoils the push. Fields: see docs/sandbox.md."""
    here, data = world(), control_data()
    if action not in ACTIONS:
        abort(404)
    done = perform(openid, action, data)
    here.store.log("person", action=action, openid=openid[:6] + "…")
    return jsonify({**followers.as_json(here, openid), **done})


def perform(openid: str, action: str, data: dict[str, Any]) -> dict[str, Any]:
    """One action of a person; ValueError for what nobody can do."""
    here, faults = world(), data.get("faults")
    text = str(data.get("text", data.get("key", "")))
    if action == "scan":
        return followers.scan(here, openid, str(data.get("code", "")), faults=faults)
    if action in {"block", "unblock"}:
        followers.block(here, openid, action == "block")
        return {}
    steps = {
        "follow": lambda: followers.follow(here, openid, faults=faults),
        "unfollow": lambda: followers.unfollow(here, openid, faults=faults),
        "say": lambda: followers.say(here, openid, text, faults=faults),
        "click": lambda: followers.tap(here, openid, text, faults=faults),
        "view": lambda: followers.tap(here, openid, text, view=True, faults=faults),
        "popup": lambda: followers.answer_popup(here, openid, dict(data.get("choices", {})), faults=faults),
        "withdraw": lambda: followers.withdraw(here, openid, str(data.get("template_id", "")), faults=faults),
        "location": lambda: followers.locate(
            here, openid, float(data.get("latitude", 0)), float(data.get("longitude", 0)), faults=faults
        ),
    }
    return {"push": steps[action]()}


@blueprint.route("/oauth", methods=["GET", "POST"])
def oauth_mode() -> Response:
    """{"next": "double|snapshot|slow|expired|normal", "scope_denied": true, "from_chat": true} for coming logins."""
    here = world()
    names = (("next", "next_oauth"), ("scope_denied", "scope_denied"), ("from_chat", "from_chat"))
    if request.method == "POST":
        data = control_data()
        if data.get("next") not in {None, *oauth.MODES}:
            raise ValueError(f"next is one of {', '.join(oauth.MODES)}")
        for name, key in names:
            if name in data:
                here.store.set_meta(key, data[name])
    return jsonify({name: here.store.get_meta(key) for name, key in names})


@blueprint.get("/scenes")
def show_scenes() -> Response:
    """Every scene code, newest first."""
    here = world()
    rows = here.store.rows("SELECT * FROM scenes ORDER BY rowid DESC LIMIT 200")
    names = "ticket action scene created_at expires_at".split()
    return jsonify(scenes=[{**{n: row[n] for n in names}, "url": account.code_url(here, row["key"])} for row in rows])


@blueprint.get("/outbox")
def show_outbox() -> Response:
    """What the shop sent to people (template, notice, custom, reply) and what they said; `?openid=`, `?kind=`."""
    kind = request.args.get("kind", "")
    rows = followers.chat_of(world(), request.args.get("openid", ""))
    return jsonify(messages=[row for row in rows if kind in {"", row["kind"]}])


@blueprint.get("/pushes")
def show_pushes() -> Response:
    """Every push with its state and the shop's last answer, newest first; `?openid=` selects."""
    return jsonify(pushes=followers.list_pushes(world(), request.args.get("openid", "")))


@blueprint.post("/pushes/<int:push_id>/resend")
def resend(push_id: int) -> Response:
    """Post it once more, as it was, without faults; answers what the shop said."""
    here = world()
    if not here.store.execute("UPDATE pushes SET faults = '[]' WHERE id = ?", push_id):
        abort(404)
    return jsonify(here.pusher.send_now(push_id))


@blueprint.route("/push", methods=["GET", "POST"])
def console() -> Response:
    """服务器配置: {"url": "…", "mode": "safe|plain", "next": [["duplicate"], …]}; `next` spoils the coming pushes."""
    here = world()
    if request.method == "POST":
        data = control_data()
        if data.get("mode", "safe") not in push.MODES:
            raise ValueError("mode is safe or plain")
        plan = data.get("next", [])
        if not isinstance(plan, list) or any(not set(faults) <= set(push.FAULTS) for faults in plan):
            raise ValueError(f"next is a list of lists of {', '.join(push.FAULTS)}")
        for name, key in (("url", "push_url"), ("mode", "push_mode"), ("next", "next_push")):
            if name in data:
                here.store.set_meta(key, data[name])
    return jsonify(url=push.push_url(here), mode=push.push_mode(here), next=here.store.get_meta("next_push", []))


@blueprint.post("/push/verify")
def verify() -> Response:
    """What the console does at 提交: GET with echostr; {"ok": …}."""
    return jsonify(push.verify_address(world()))


@blueprint.post("/templates")
def templates() -> Response:
    """{"gone": ["ID"], "status": "failed: system failed"}: ids that answer 40037, and how template sends end."""
    here, data = world(), control_data()
    if "gone" in data:
        here.store.set_meta("templates_gone", list(data["gone"]))
    if "status" in data:
        here.store.set_meta("template_status", data["status"])
    return jsonify(gone=here.store.get_meta("templates_gone", []), status=here.store.get_meta("template_status"))


@blueprint.get("/menu")
def menu() -> Response:
    """The account's menu, or null."""
    return jsonify(menu=world().store.get_meta("menu"))


@blueprint.route("/quotas", methods=["GET", "POST"])
def quotas() -> Response:
    """Daily limits by path, and what is used: {"/cgi-bin/token": 5}."""
    here = world()
    if request.method == "POST":
        here.store.set_meta("quotas", {str(path): int(limit) for path, limit in control_data().items()})
        here.store.set_meta("quota_used", {})
    limits = {**weather.QUOTAS, **here.store.get_meta("quotas", {})}
    return jsonify(limits=limits, used=here.store.get_meta("quota_used", {}))


@blueprint.route("/place", methods=["GET", "POST"])
def place() -> Response:
    """Where everybody is (WGS-84): wx.getLocation answers it without asking; null: it asks; "refuse": it refuses."""
    here = world()
    if request.method == "POST":
        data = control_data()
        if data.get("refuse"):
            here.store.set_meta("place", "refuse")
        elif data.get("latitude") is None:
            here.store.set_meta("place", None)
        else:
            here.store.set_meta("place", [float(data["latitude"]), float(data["longitude"])])
    return jsonify(place=here.store.get_meta("place"))


@blueprint.post("/bridge/upload")
def upload() -> Response:
    """wx.uploadImage: keep the picture, answer its media id (three days)."""
    here = world()
    head, _, content = request.get_data().partition(b",")
    try:
        raw = base64.b64decode(content, validate=True)
    except binascii.Error:
        raise ValueError("a data address is needed") from None
    mime = head.decode("latin-1").removeprefix("data:").split(";")[0]
    if mime not in {"image/jpeg", "image/png"} or not raw:
        raise ValueError("a JPEG or PNG is needed")
    media_id = here.word("media", 64)
    here.store.insert("media", media_id=media_id, mime=mime, content=raw, created_at=here.now())
    response = jsonify(serverId=media_id)
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@blueprint.get("/bridge/media/<media_id>")
def download(media_id: str) -> Response:
    """wx.downloadImage."""
    row = world().store.one("SELECT * FROM media WHERE media_id = ?", media_id)
    if row is None:
        abort(404)
    response = Response(row["content"], content_type=row["mime"])
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
