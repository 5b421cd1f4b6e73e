"""What the account platform's APIs have in common: text/plain JSON and errcode answers."""

import json
from typing import Any

from flask import Response

from sandbox.world import world

MESSAGES = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40007: "invalid media_id",
    40013: "invalid appid",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40027: "invalid sub button url size",
    40029: "invalid code",
    40030: "invalid refresh_token",
    40037: "invalid template_id",
    40053: "invalid action info",
    40097: "invalid args",
    40125: "invalid appsecret",
    40163: "code been used",
    40164: "invalid ip, not in whitelist",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    42001: "access_token expired",
    43004: "require subscribe",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid",
    48001: "api unauthorized",
    48006: "forbid to clear quota because of reaching the limit",
    99999: "an error that no document knows",
}


def answer(**data: Any) -> Response:
    """JSON in a text/plain body without a charset, as the platform sends it."""
    response = Response(json.dumps(data, ensure_ascii=False).encode())
    response.headers["Content-Type"] = "text/plain"
    return response


def refuse(errcode: int) -> Response:
    """HTTP 200 with errcode, errmsg and a request id."""
    here = world()
    here.store.log("refused", errcode=errcode)
    return answer(errcode=errcode, errmsg=f"{MESSAGES[errcode]}, rid: {here.request_id()}")
