"""The cashier: what is paid, how, by when; and what is shown after the return from WeChat Pay."""

import structlog
from flask import Response, current_app, g, request, url_for

from app.booking import queries
from app.booking.forms import CancelForm
from app.booking.rules import BookingState
from app.booking.services import pay
from app.booking.views import blueprint
from app.core import clock
from app.core.errors import DomainError, GatewayError
from app.core.htmx import go, render, wants_fragment
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import actor, limiter, settings
from app.gateways.pay.port import Method
from app.gateways.wechat.port import JsConfig, NotSignable
from app.gateways.wechat.ua import parse_user_agent
from app.payments.errors import NeedsWeChatLogin, PaymentBusy
from app.payments.rules import may_begin, suggest_method

log = structlog.get_logger(__name__)
METHOD_WORDS = {
    Method.JSAPI.value: "在微信里付款",
    Method.H5.value: "打开手机微信付款",
    Method.NATIVE.value: "扫码付款",
}


@blueprint.get("/bookings/<no>/payment")
@access("member")
def show_payment(no: str) -> Response:
    return _cashier_page(no, _method())


@blueprint.post("/bookings/<no>/payment")
@access("member")
def open_payment(no: str) -> Response:
    """Make the order at WeChat Pay, or find the one that is open; then the cashier can be shown."""
    method = _method()
    try:
        opened = open_order(no, method)
    except (NeedsWeChatLogin, PaymentBusy) as refusal:
        return _cashier_page(no, method, 422, refusal.message)
    if opened:
        chosen = method.value if method is not suggested() else None
        return go(url_for("booking.show_payment", no=no, method=chosen))
    return _cashier_page(no, method, 503)


@blueprint.get("/bookings/<no>/payment/status")
@access("member")
def show_payment_status(no: str) -> Response:
    """待支付, 支付确认中, or on to the booking when it is settled."""
    page = queries.get_booking_page(no, g.member.id, clock.now())
    if page.booking.state != BookingState.HELD:
        return go(url_for("booking.show_booking", no=no))
    return render("booking/_payment_status.html", view=page, booking=page.booking, returned=_returned())


@blueprint.post("/bookings/<no>/payment/checks")
@access("member")
@limiter.limit("20/minute")
def check_payment(no: str) -> Response:
    """The shopper says it is paid: ask WeChat Pay. What the browser said changes nothing."""
    try:
        pay.check_payment(actor(), no, current_app.extensions["pay"], clock.now())
    except GatewayError as exc:
        log.warning("payment_check_failed", provider_error=exc.code)
    return show_payment_status(no) if wants_fragment() else go(url_for("booking.show_booking", no=no))


def suggested() -> Method:
    hints = parse_user_agent(request.user_agent.string)
    return Method(suggest_method(hints.wechat, hints.desktop or hints.os == "desktop"))


def _method() -> Method:
    """What the person chose, else what fits this client."""
    chosen = request.values.get("method", "")
    return Method(chosen) if chosen in set(Method) else suggested()


def open_order(no: str, method: Method) -> bool:
    """False when WeChat Pay cannot be reached; the hold stays and the cashier page says so."""
    own = settings()
    try:
        pay.open_booking_payment(
            actor(), no, current_app.extensions["pay"], clock.now(),
            app_id=own.wechat_app_id, mch_id=own.wechatpay_mch_id, method=method, client_ip=request.remote_addr or "",
        )  # fmt: skip
    except GatewayError as exc:
        log.warning("order_failed", provider_error=exc.code, detail=exc.detail)
        return False
    except DomainError as refusal:
        if refusal.status != 422 or isinstance(refusal, (NeedsWeChatLogin, PaymentBusy)):
            raise
        log.info("payment_not_opened", code_name=refusal.code)  # the page it leads to says where it stands
    return True


def _cashier_page(no: str, method: Method, status: int = 200, problem: str = "") -> Response:
    now = clock.now()
    page = queries.get_booking_page(no, g.member.id, now)
    if page.booking.state != BookingState.HELD:
        return go(url_for("booking.show_booking", no=no))
    cashier = pay.present_cashier(no, g.member.id, current_app.extensions["pay"], now, method)
    site = settings().public_base_url.rstrip("/")
    here = site + url_for("booking.show_payment", no=no)
    back = site + url_for("booking.show_payment", no=no, returned=1)
    return render(
        "booking/payment.html",
        status=status,
        view=page,
        booking=page.booking,
        cashier=cashier,
        method=method.value,
        methods=METHOD_WORDS,
        h5_link=pay.h5_link(cashier.url, back) if cashier and method is Method.H5 else "",
        native_qr=qr_svg(cashier.url) if cashier and method is Method.NATIVE else None,
        renew_seconds=max(int((cashier.until - now).total_seconds()) + 1, 1) if cashier else 0,
        config=_js_config() if cashier and method is Method.JSAPI else None,
        returned=_returned(),
        trouble=status == 503,
        problem=problem,
        too_late=not may_begin(now, page.booking.hold_until),
        begin=request.args.get("begin") == "1" and request.method == "GET",
        here=here,
        here_qr=qr_svg(here),
        form=CancelForm(),
    )


def _js_config() -> JsConfig | None:
    """The signature of this very page; without one the bridge alone opens the cashier."""
    try:
        return current_app.extensions["wechat"].js_config(request.url)
    except (GatewayError, NotSignable) as exc:
        log.warning("page_not_signed", error=type(exc).__name__)
        return None


def _returned() -> bool:
    return request.values.get("returned") == "1"
