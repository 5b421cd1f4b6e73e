"""One template, two deliveries: a fragment for htmx, the page for everybody else.

The only module that knows the header names; htmx-flask reads and writes them.
"""

import json
from typing import Any
from urllib.parse import quote

from flask import Response, make_response, redirect, render_template, request
from htmx_flask import Htmx

htmx = Htmx()


def wants_fragment() -> bool:
    """True for an htmx request that swaps a part: neither boosted nor a history restore."""
    head = request.headers
    return (
        head.get("HX-Request") == "true"
        and head.get("HX-Boosted") != "true"
        and head.get("HX-History-Restore-Request") != "true"
    )


def unavailable() -> int:
    """The status of a page that says what could not be reached: 503, to a fragment request 422, which htmx swaps in."""
    return 422 if wants_fragment() else 503


def render(page: str, partial: str | None = None, /, *, status: int = 200, **context: Any) -> Response:
    """`partial` for a fragment request, else `page`; always varies on HX-Request."""
    name = partial if partial and wants_fragment() else page
    response = make_response(render_template(name, **context), status)
    response.vary.add("HX-Request")
    return response


def go(url: str) -> Response:
    """Move the browser on after a write: 303 for a plain form, HX-Redirect for htmx."""
    if wants_fragment():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = quote(url, safe="/:?&=#%@+,;~-._!*'()")
        response.vary.add("HX-Request")
        return response
    return make_response(redirect(url, 303))


def toast(response: Response, text: str, kind: str = "ok") -> Response:
    """Ask the page to show one sentence for 2.4 s. JSON-escaped: header values must stay latin-1."""
    response.headers["HX-Trigger"] = json.dumps({"toast": {"text": text, "kind": kind}})
    return response
