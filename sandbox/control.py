"""`/sim/…`: the JSON interface with which tests and developers play the payer, the weather and the clock."""

import json
import time
from sqlite3 import Row
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox import cashier, constants, orders, refunds, sms, tokens, weather
from sandbox.signing import PayError
from sandbox.world import World, add_person, ensure_people, find_person, list_people, world

blueprint = Blueprint("control", __name__, url_prefix="/sim")


class BadRequest(ValueError):
    """A control call that makes no sense."""


@blueprint.errorhandler(ValueError)
def bad_request(error: ValueError) -> tuple[Response, int]:
    """400 with the reason."""
    return jsonify(error=str(error)), 400


@blueprint.errorhandler(PayError)
def refused(error: PayError) -> tuple[Response, int]:
    """The order's own reason: ORDERPAID, ORDER_CLOSED, ORDER_NOT_EXIST."""
    return jsonify(code=error.code, error=error.message), 404 if error.status == 404 else 409


@blueprint.get("/orders")
def show_orders() -> Response:
    """Every order, newest first, with its notices."""
    here = world()
    return jsonify(orders=[order_json(here, row) for row in orders.list_orders(here)])


@blueprint.get("/orders/<out_trade_no>")
def show_order(out_trade_no: str) -> Response:
    """One order with its notices."""
    here = world()
    return jsonify(order_json(here, orders.get_order(here, out_trade_no)))


@blueprint.post("/orders/<out_trade_no>/pay")
def pay(out_trade_no: str) -> Response:
    """Pay: {"notify": "normal|none|before_return", "faults": […], "force": false}."""
    here, data = world(), _data()
    answer = cashier.pay(
        here,
        out_trade_no,
        notify=data.get("notify", "normal"),
        faults=_faults(data["faults"]) if data.get("faults") else None,
        force=bool(data.get("force")),
    )
    return jsonify(answer)


@blueprint.post("/orders/<out_trade_no>/cancel")
@blueprint.post("/orders/<out_trade_no>/fail")
def not_pay(out_trade_no: str) -> Response:
    """The payer walks away or the bank refuses: the order stays as it is."""
    here = world()
    orders.get_order(here, out_trade_no)
    here.store.log("cashier", action=request.path.rsplit("/", 1)[1], out_trade_no=out_trade_no)
    return jsonify(order_json(here, orders.get_order(here, out_trade_no)))


@blueprint.get("/refunds")
def show_refunds() -> Response:
    """Every refund, newest first."""
    here = world()
    return jsonify(refunds=[refunds.describe(here, row) for row in refunds.list_refunds(here)])


@blueprint.post("/refunds/<out_refund_no>/settle")
def settle(out_refund_no: str) -> Response:
    """End a refund now: {"status": "SUCCESS|ABNORMAL|CLOSED", "faults": […]}."""
    here, data = world(), _data()
    outcome = data.get("status", "")
    if outcome and outcome not in refunds.OUTCOMES:
        raise BadRequest(f"status must be one of {', '.join(refunds.OUTCOMES)}")
    faults = _faults(data["faults"]) if data.get("faults") else None
    return jsonify(notice_id=refunds.settle(here, out_refund_no, outcome, faults))


@blueprint.get("/notices")
def show_notices() -> Response:
    """Every notice, newest first."""
    return jsonify(notices=[notice_json(row) for row in list_notices(world())])


@blueprint.post("/notices/<notice_id>/resend")
def resend(notice_id: str) -> Response:
    """Send a notice now, without faults unless {"faults": […]} names some; answers what the shop said."""
    here = world()
    faults = _faults(_data().get("faults", []))
    if not here.store.execute("UPDATE notices SET faults = ? WHERE id = ?", json.dumps(faults), notice_id):
        return Response(status=404)
    return jsonify(here.notifier.send_now(notice_id))


@blueprint.post("/faults")
def plan_faults() -> Response:
    """Plan ahead: {"next_notice": […], "count": 1, "next_refund": "ABNORMAL|CLOSED|NOT_ENOUGH", "api": […]}.

    `api`: faults of single APIs, [{"path": "/cgi-bin/token", "do": "html", "times": 2, "when": "before|after"}].
    """
    here, data = world(), _data()
    if "api" in data:
        here.store.set_meta("api_faults", weather.check_plan(data["api"]))
    if "next_notice" in data:
        here.store.set_meta("next_notice", [_faults(data["next_notice"])] * int(data.get("count", 1)))
    if "next_refund" in data:
        if data["next_refund"] not in {*refunds.OUTCOMES, "NOT_ENOUGH", None}:
            raise BadRequest("unknown next_refund")
        here.store.set_meta("next_refund", data["next_refund"])
    return jsonify(
        next_notice=here.store.get_meta("next_notice", []),
        next_refund=here.store.get_meta("next_refund"),
        api=here.store.get_meta("api_faults", []),
    )


@blueprint.get("/people")
def show_people() -> Response:
    """Every WeChat account."""
    return jsonify(people=[person_json(row) for row in list_people(world())])


@blueprint.post("/people")
def create_person() -> tuple[Response, int]:
    """One more account: {"nickname": "…", "openid": optional}."""
    here, data = world(), _data()
    nickname, openid = str(data.get("nickname", "")).strip(), str(data.get("openid", ""))
    if not nickname:
        raise BadRequest("nickname is missing")
    if openid and find_person(here, openid):
        raise BadRequest("openid exists")
    row = find_person(here, add_person(here, nickname, openid=openid, note="自己添加"))
    assert row is not None
    return jsonify(person_json(row)), 201


@blueprint.get("/sms")
def show_messages() -> Response:
    """Text messages, newest first; `?phone=` selects one inbox."""
    rows = sms.list_messages(world(), request.args.get("phone", ""))
    return jsonify(messages=[sms.as_json(row) for row in rows])


@blueprint.get("/log")
def show_log() -> Response:
    """What happened, newest first; `?kind=` selects, `?limit=` shortens, `?after=` an id gives what is newer."""
    limit, after = int(request.args.get("limit", 200)), int(request.args.get("after", 0))
    return jsonify(log=list_log(world(), request.args.get("kind", ""), limit, after))


@blueprint.post("/tokens/expire")
def expire_tokens() -> Response:
    """Every access_token and ticket is expired now."""
    tokens.expire_all(world())
    return jsonify(ok=True)


@blueprint.route("/clock", methods=["GET", "POST"])
def clock() -> Response:
    """Move the sandbox's clock: {"offset": seconds from real time}."""
    here = world()
    if request.method == "POST":
        here.store.set_meta("clock_offset", float(_data().get("offset", 0)))
        here.notifier.wake()
    return jsonify(offset=here.store.get_meta("clock_offset", 0), now=here.now())


@blueprint.route("/down", methods=["GET", "POST"])
def down() -> Response:
    """WeChat is down: {"on": bool} or {"seconds": n}, with "mode": "503|hang" and "parts": ["wechat","pay","sms"]."""
    here = world()
    if request.method == "POST":
        data = _data()
        parts = data.get("parts", list(weather.PARTS))
        if not set(parts) <= set(weather.PARTS) or data.get("mode", "503") not in {"503", "hang"}:
            raise BadRequest("mode is 503 or hang; parts are wechat, pay, sms")
        until = time.time() + float(data["seconds"]) if "seconds" in data else None
        on = "seconds" in data or bool(data.get("on"))
        plan = {"until": until, "mode": data.get("mode", "503"), "parts": parts} if on else None
        here.store.set_meta("down", plan)
        here.store.log("down", plan=plan)
    return jsonify(down=weather.is_down(here))


@blueprint.post("/reset")
def reset() -> Response:
    """Forget everything but keys; {"seed": "…"} also restarts the numbering, for the same ids every time."""
    here, data = world(), _data()
    seed = data.get("seed")
    with here.store.transaction():
        here.store.clear(completely=seed is not None)
        if seed is not None:
            here.store.set_meta("seed", str(seed))
        ensure_people(here)
    return jsonify(ok=True)


def list_notices(here: World) -> list[Row]:
    """Notices, newest first."""
    return here.store.rows("SELECT * FROM notices ORDER BY rowid DESC LIMIT 200")


def list_log(here: World, kind: str, limit: int, after: int = 0) -> list[dict[str, Any]]:
    """Log lines, newest first."""
    rows = here.store.rows(
        "SELECT * FROM log WHERE ? IN ('', kind) AND id > ? ORDER BY id DESC LIMIT ?", kind, after, limit
    )
    return [{"id": r["id"], "at": r["at"], "kind": r["kind"], "detail": json.loads(r["detail"])} for r in rows]


def notice_json(row: Row) -> dict[str, Any]:
    """One notice without its secrets."""
    names = "id event_type ref url state attempts created_at next_at last_status last_answer".split()
    return {**{name: row[name] for name in names}, "faults": json.loads(row["faults"])}


def order_json(here: World, order: Row) -> dict[str, Any]:
    """One order for people and tests."""
    names = "out_trade_no description total openid notify_url state transaction_id created_at expires_at paid_at"
    notices = here.store.rows("SELECT * FROM notices WHERE ref = ? ORDER BY rowid", order["out_trade_no"])
    data = {name: order[name] for name in names.split()}
    trade_state = orders.describe(here, order)["trade_state"]
    return {**data, "trade_state": trade_state, "notices": [notice_json(row) for row in notices]}


def person_json(row: Row) -> dict[str, Any]:
    """One account."""
    return {**{name: row[name] for name in ("openid", "unionid", "nickname", "note")}, "sample": bool(row["sample"])}


def control_data() -> dict[str, Any]:
    """The JSON object of a control call, {} without a body."""
    return _data()


def _data() -> dict[str, Any]:
    raw = request.get_data()
    if not raw:
        return {}
    data = json.loads(raw)
    if not isinstance(data, dict):
        raise BadRequest("a JSON object is needed")
    return data


def _faults(value: Any) -> list[str]:
    if not isinstance(value, list) or not set(value) <= set(constants.FAULTS):
        raise BadRequest(f"faults are {', '.join(constants.FAULTS)}")
    return value
