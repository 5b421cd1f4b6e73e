"""The cashier of a draw: the yuan that comes back."""

from typing import Any

import structlog
from flask import Response, current_app, g, request, url_for

from app.core import clock
from app.core.errors import DomainError, GatewayError
from app.core.htmx import go, render, unavailable, wants_fragment
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import actor, limiter, settings
from app.coupons.forms import EntryForm
from app.coupons.queries import draws
from app.coupons.rules.draws import EntryState
from app.coupons.services import draw_money
from app.coupons.views import blueprint
from app.gateways.pay.port import Method
from app.gateways.wechat.port import JsConfig, NotSignable
from app.gateways.wechat.ua import parse_user_agent
from app.payments.rules import may_begin, suggest_method
from app.payments.services.cashier import h5_link

log = structlog.get_logger(__name__)
METHOD_WORDS = {
    Method.JSAPI.value: "在微信里付款",
    Method.H5.value: "打开手机微信付款",
    Method.NATIVE.value: "扫码付款",
}


@blueprint.get("/coupons/<slug>/draw/payment")
@access("member")
def show_fee(slug: str) -> Response:
    return _cashier_page(slug, _method())


@blueprint.post("/coupons/<slug>/draw/payment")
@access("member")
def open_fee(slug: str) -> Response:
    """Make the order at WeChat Pay, or find the one that is open."""
    method, own = _method(), settings()
    try:
        draw_money.open_fee_payment(
            actor(), slug, current_app.extensions["pay"], clock.now(),
            app_id=own.wechat_app_id, mch_id=own.wechatpay_mch_id, method=method, client_ip=request.remote_addr or "",
        )  # fmt: skip
    except GatewayError as exc:
        log.warning("order_failed", provider_error=exc.code, detail=exc.detail)
        return _cashier_page(slug, method, unavailable(), "支付暂时不可用，请稍后再试，也可以免费参与。")
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _cashier_page(slug, method, 422, refusal.message)
    return go(url_for("coupons.show_fee", slug=slug, method=method.value if method is not _suggested() else None))


@blueprint.get("/coupons/<slug>/draw/payment/status")
@access("member")
def show_fee_status(slug: str) -> Response:
    """待支付, 支付确认中, or on to the entry once it is in."""
    if _settled(slug):
        return go(url_for("coupons.new_entry", slug=slug))
    return render("coupons/_draw_payment.html", slug=slug, returned=_returned())


@blueprint.post("/coupons/<slug>/draw/payment/checks")
@access("member")
@limiter.limit("20/minute")
def check_fee(slug: str) -> Response:
    """The person says it is paid: ask WeChat Pay. What the browser said changes nothing."""
    try:
        draw_money.check_fee_payment(actor(), slug, current_app.extensions["pay"], clock.now())
    except GatewayError as exc:
        log.warning("payment_check_failed", provider_error=exc.code)
    if _settled(slug):
        return go(url_for("coupons.new_entry", slug=slug))
    if wants_fragment():
        return render("coupons/_draw_payment.html", slug=slug, returned=True)
    return go(url_for("coupons.show_fee", slug=slug, returned=1))


def _cashier_page(slug: str, method: Method, status: int = 200, problem: str = "") -> Response:
    now, page = clock.now(), draws.get_draw_page(slug)
    own = draws.find_own(slug, g.member.id)
    if own is not None and own.state == EntryState.ENTERED:
        return go(url_for("coupons.new_entry", slug=slug))
    cashier = draw_money.present_fee_cashier(slug, g.member.id, current_app.extensions["pay"], now, method)
    site = settings().public_base_url.rstrip("/")
    context: dict[str, Any] = {
        "page": page,
        "slug": slug,
        "open": page.takes_entries(now) and may_begin(now, page.promise.closes_at),
        "cashier": cashier,
        "method": method.value,
        "methods": METHOD_WORDS,
        "h5_link": _h5(cashier.url, slug) if cashier and method is Method.H5 else "",
        "native_qr": qr_svg(cashier.url) if cashier and method is Method.NATIVE else None,
        "config": _js_config() if cashier and method is Method.JSAPI else None,
        "returned": _returned(),
        "begin": request.args.get("begin") == "1" and request.method == "GET",
        "here_qr": qr_svg(site + url_for("coupons.show_fee", slug=slug)),
        "problem": problem,
        "form": EntryForm(formdata=None),
    }
    return render("coupons/draw_payment.html", status=status, **context)


def _settled(slug: str) -> bool:
    """Whether it is decided: in, or over."""
    own, page = draws.find_own(slug, g.member.id), draws.get_draw_page(slug)
    return own is None or own.state != EntryState.WAITING or page.seed != ""


def _h5(url: str, slug: str) -> str:
    site = settings().public_base_url.rstrip("/")
    return h5_link(url, site + url_for("coupons.show_fee", slug=slug, returned=1))


def _suggested() -> Method:
    hints = parse_user_agent(request.user_agent.string)
    return Method(suggest_method(hints.wechat, hints.desktop or hints.os == "desktop"))


def _method() -> Method:
    """What the person chose, else what fits this client."""
    chosen = request.values.get("method", "")
    return Method(chosen) if chosen in set(Method) else _suggested()


def _js_config() -> JsConfig | None:
    """The signature of this very page; without one the bridge alone opens the cashier."""
    try:
        return current_app.extensions["wechat"].js_config(request.url)
    except (GatewayError, NotSignable) as exc:
        log.warning("page_not_signed", error=type(exc).__name__)
        return None


def _returned() -> bool:
    return request.values.get("returned") == "1"
