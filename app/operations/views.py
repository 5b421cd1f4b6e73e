"""What machines ask: is it alive, can it serve, how is it doing."""

import hmac
import time
from ipaddress import ip_address

from flask import Blueprint, Flask, Response, abort, current_app, g, jsonify, make_response, request

from app.core import clock, jobs
from app.core.security import access
from app.core.web import settings
from app.operations import metrics, queries

blueprint = Blueprint("operations", __name__)
_PROXY_HEADERS = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via")


def register(app: Flask) -> None:
    """Time every request, from before the first check until its answer."""
    app.before_request_funcs.setdefault(None, []).insert(0, _begin)
    app.after_request(_end)


@blueprint.get("/healthz")
@access("public")
def show_alive() -> Response:
    """The process answers; nothing else is asked."""
    return _uncached(jsonify(status="ok"))


@blueprint.get("/readyz")
@access("public")
def show_ready() -> Response:
    """200 when it can serve, else 503; names each part.

    A late worker is told but leaves 200: pages and payments go on without it, and to take the shop away as well would
    make a delay an outage.
    """
    parts = queries.readiness(jobs.listed(current_app), clock.now())
    serving = all(part.ok for part in parts if part.vital)
    status = "unavailable" if not serving else "ok" if all(part.ok for part in parts) else "degraded"
    body = {part.name: {"ok": part.ok, "detail": part.detail} for part in parts}
    return _uncached(make_response(jsonify(status=status, parts=body), 200 if serving else 503))


@blueprint.get("/metrics")
@access("public")
def show_metrics() -> Response:
    """For Prometheus: with METRICS_TOKEN as bearer token, or without one from this machine only."""
    if not _may_scrape():
        abort(404)
    text = metrics.exposition(settings().metrics_path, jobs.listed(current_app), clock.now())
    return _uncached(Response(text, content_type="text/plain; version=0.0.4; charset=utf-8"))


def _may_scrape() -> bool:
    token = settings().metrics_token.get_secret_value()
    if token:
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())
    # A proxy on this machine hands on where the request came from; without such a header nobody is in between.
    if any(name in request.headers for name in _PROXY_HEADERS):
        return False
    return ip_address(request.remote_addr or "0.0.0.0").is_loopback  # noqa: S104 (an address that is not loopback)


def _begin() -> None:
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    began = g.pop("began", None)
    if began is not None:
        seconds, rule = time.perf_counter() - began, request.url_rule
        endpoint, method = (rule.endpoint, request.method) if rule else ("none", "any")
        metrics.observe(settings().metrics_path, endpoint, method, response.status_code, seconds)
    return response


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
