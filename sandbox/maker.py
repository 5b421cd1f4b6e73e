"""A car maker's lead system: takes signed events, each once, and refuses what is forged, stale or twice different."""

import hashlib
import hmac
import json
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox import constants
from sandbox.world import World, world

blueprint = Blueprint("maker", __name__)


@blueprint.post("/maker/leads")
def receive() -> tuple[Response, int]:
    """One event: 200 when it is kept, also when it was kept before; 401 for a wrong signature; 503 while it is off."""
    here, body = world(), request.get_data()
    if here.store.get_meta("maker_down", 0):
        here.store.set_meta("maker_down", here.store.get_meta("maker_down", 0) - 1)
        here.store.log("maker", answer=503)
        return jsonify(error="unavailable"), 503
    event_id = request.headers.get("X-Zhanting-Event-Id", "")
    if problem := _problem(here, body, event_id):
        here.store.log("refused", api="maker", code=problem)
        return jsonify(error=problem), 401
    return _keep(here, event_id, body)


@blueprint.get("/sim/maker/leads")
def list_events() -> Response:
    """Every event that was taken, oldest first, with how often it was delivered."""
    rows = world().store.rows("SELECT * FROM maker_leads ORDER BY rowid")
    return jsonify(events=[{**json.loads(row["body"]), "deliveries": row["deliveries"]} for row in rows])


@blueprint.post("/sim/maker/down")
def go_down() -> Response:
    """Answer 503 to the next {"times": n} events."""
    data: Any = request.get_json(silent=True) or {}
    world().store.set_meta("maker_down", max(int(data.get("times", 1)), 0))
    return jsonify(times=world().store.get_meta("maker_down", 0))


def _problem(here: World, body: bytes, event_id: str) -> str:
    timestamp = request.headers.get("X-Zhanting-Timestamp", "")
    signed = timestamp.encode() + b"." + body
    expected = "v1=" + hmac.new(here.keys.leads_secret.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Zhanting-Signature", "")):
        return "signature"
    if not timestamp.isdecimal() or abs(here.now() - int(timestamp)) > constants.CLOCK_SKEW_S:
        return "timestamp"
    try:
        named = json.loads(body).get("event_id")
    except (ValueError, AttributeError):
        return "body"
    return "" if event_id and named == event_id else "event_id"


def _keep(here: World, event_id: str, body: bytes) -> tuple[Response, int]:
    with here.store.transaction():
        known = here.store.one("SELECT * FROM maker_leads WHERE event_id = ?", event_id)
        if known is None:
            here.store.insert("maker_leads", event_id=event_id, body=body.decode(), deliveries=1, at=here.now())
        else:
            here.store.execute("UPDATE maker_leads SET deliveries = deliveries + 1 WHERE event_id = ?", event_id)
        here.store.log("maker", event_id=event_id, again=known is not None)
    return jsonify(taken=event_id), 200
