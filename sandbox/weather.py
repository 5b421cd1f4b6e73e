"""Bad weather on purpose: outages, daily quotas, and a plan of faults for single APIs."""

import json
import socket
import time
from typing import Any

from flask import Response, g, request

from sandbox.answers import refuse
from sandbox.world import World, world

PARTS = ("wechat", "pay", "sms")
HANG_S = 8.0
DAY_S = 86400
# calls a day, as for a small account
QUOTAS = {"/cgi-bin/token": 2000, "/cgi-bin/message/template/send": 100_000, "/cgi-bin/qrcode/create": 100_000}
ERRCODES = {
    "busy": -1,
    "stale": 40001,
    "expired": 42001,
    "ip": 40164,
    "quota": 45009,
    "minute": 45011,
    "unknown": 99999,
}
# the same faults below /v3/: a status, code and message instead of an errcode
PAY_ERRORS = {
    "busy": (500, "SYSTEM_ERROR", "系统异常，请稍后重试"),
    "quota": (429, "FREQUENCY_LIMITED", "频率超限"),
    "minute": (429, "FREQUENCY_LIMITED", "频率超限"),
    "unknown": (400, "BRAND_NEW_TROUBLE", "没有文档写过的错误"),
}
FAULTS = {
    "slow": "慢（默认 3 秒），之后正常",
    "hang": "8 秒没有回应",
    "503": "503",
    "429": "HTTP 429",
    "html": "回答一页 HTML",
    "empty": "空的回答",
    "broken": "不完整的 JSON",
    "list": "JSON 但不是对象",
    "new_field": "多出没见过的字段",
    "cut": "连接中断",
    **{name: f"errcode {code}" for name, code in ERRCODES.items()},
}


def before() -> Response | None:
    """Before every request: quotas, outages, then the fault that is planned for this path."""
    here = world()
    if not request.path.startswith(("/sns/", "/cgi-bin/", "/v3/")) and not _is_sms():
        return None
    if stopped := _outage(here):
        return stopped
    fault = _take(here, request.path)
    if fault is None:
        return refuse(45009) if _over_quota(here, request.path) else None
    here.store.log("fault", path=request.path, fault=fault)
    if fault.get("when") == "after":
        g.weather = fault
        return None
    if fault["do"] == "slow":
        time.sleep(float(fault.get("seconds", 3)))
        return None
    if fault["do"] == "new_field":
        g.weather = fault
        return None
    return _spoiled(fault)


def after(response: Response) -> Response:
    """A fault with `"when": "after"` lets the call work and spoils its answer."""
    fault = g.pop("weather", None)
    if fault is None:
        return response
    if fault["do"] == "new_field":
        text = response.get_data().lstrip()
        if text.startswith(b"{") and len(text) > 2:
            response.set_data(b'{"brand_new":{"a":[1,null]},' + text[1:])
        return response
    if fault["do"] == "slow":
        time.sleep(float(fault.get("seconds", 3)))
        return response
    return _spoiled(fault)


def is_down(here: World) -> dict[str, Any] | None:
    """The outage that holds now, if any."""
    plan = here.store.get_meta("down")
    return plan if plan and (plan["until"] is None or plan["until"] > time.time()) else None


def check_plan(plan: object) -> list[dict[str, Any]]:
    """A list of {"path", "do", "times", "seconds", "when"}; ValueError with the reason."""
    if not isinstance(plan, list):
        raise ValueError("api is a list of faults")
    for fault in plan:
        if not isinstance(fault, dict) or not str(fault.get("path", "")).startswith("/"):
            raise ValueError("each fault names a path")
        if fault.get("do") not in FAULTS:
            raise ValueError(f"do is one of {', '.join(FAULTS)}")
        if fault.get("when", "before") not in {"before", "after"} or int(fault.get("times", 1)) < 1:
            raise ValueError("when is before or after; times at least 1")
    return plan


def _is_sms() -> bool:
    return request.path == "/" and request.method == "POST"


def _outage(here: World) -> Response | None:
    part = "sms" if _is_sms() else "pay" if request.path.startswith("/v3/") else "wechat"
    plan = is_down(here)
    if plan is None or part not in plan["parts"]:
        return None
    if plan["mode"] == "hang":
        time.sleep(HANG_S)
    return Response("503 Service Temporarily Unavailable", 503, content_type="text/plain")


def _take(here: World, path: str) -> dict[str, Any] | None:
    """The first planned fault whose path begins this one, counted down."""
    with here.store.transaction():
        plan: list[dict[str, Any]] = here.store.get_meta("api_faults", [])
        for number, fault in enumerate(plan):
            if path.startswith(fault["path"]):
                left = int(fault.get("times", 1)) - 1
                plan[number : number + 1] = [{**fault, "times": left}] if left else []
                here.store.set_meta("api_faults", plan)
                return fault
    return None


def _over_quota(here: World, path: str) -> bool:
    limits: dict[str, int] = {**QUOTAS, **here.store.get_meta("quotas", {})}
    if path not in limits:
        return False
    with here.store.transaction():
        used: dict[str, Any] = here.store.get_meta("quota_used", {})
        day = int((here.now() + 8 * 3600) // DAY_S)
        if used.get("day") != day:
            used = {"day": day}
        used[path] = used.get(path, 0) + 1
        here.store.set_meta("quota_used", used)
    return used[path] > limits[path]


def _spoiled(fault: dict[str, Any]) -> Response:
    do = fault["do"]
    if do in ERRCODES:
        return _refuse_payment(do) if request.path.startswith("/v3/") else refuse(ERRCODES[do])
    if do == "cut":
        _cut()
    if do == "hang":
        time.sleep(float(fault.get("seconds", HANG_S)))
    texts = {
        "html": (200, "text/html", "<html><body><h1>系统维护中</h1></body></html>"),
        "empty": (200, "text/plain", ""),
        "broken": (200, "text/plain", '{"errcode":0,"errm'),
        "list": (200, "text/plain", "[]"),
        "429": (429, "text/plain", "Too Many Requests"),
    }
    status, kind, text = texts.get(do, (503, "text/plain", "503 Service Temporarily Unavailable"))
    return Response(text, status, content_type=kind)


def _refuse_payment(do: str) -> Response:
    """The same trouble as WeChat Pay says it: a status, and code and message."""
    status, code, message = PAY_ERRORS.get(do, (401, "SIGN_ERROR", "签名错误"))
    text = json.dumps({"code": code, "message": message}, ensure_ascii=False)
    return Response(text, status, content_type="application/json; charset=utf-8")


def _cut() -> None:
    wire = request.environ.get("werkzeug.socket")
    if wire is not None:
        wire.shutdown(socket.SHUT_RDWR)
