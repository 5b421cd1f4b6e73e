"""The cashier: what is paid, how, by when; and what is shown after the return from WeChat Pay.

One page for the earnest money and for the balance: a `Bill` says which it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from flask import Response, current_app, g, request, url_for

from app.booking import queries
from app.booking.forms import CancelForm
from app.booking.models import Booking
from app.booking.rules import PICK_UP, BookingState
from app.booking.rules.promises import Window
from app.booking.services import balance, pay
from app.booking.views import blueprint
from app.core import clock
from app.core.errors import DomainError, GatewayError
from app.core.htmx import go, render, unavailable, wants_fragment
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import actor, limiter, settings
from app.gateways.pay.port import Method
from app.gateways.wechat.port import JsConfig, NotSignable
from app.gateways.wechat.ua import parse_user_agent
from app.payments.errors import NeedsWeChatLogin, PaymentBusy
from app.payments.rules import may_begin, suggest_method
from app.payments.services.cashier import Cashier, h5_link

log = structlog.get_logger(__name__)
METHOD_WORDS = {
    Method.JSAPI.value: "在微信里付款",
    Method.H5.value: "打开手机微信付款",
    Method.NATIVE.value: "扫码付款",
}
UNREACHABLE = {
    "payment": "支付暂时不可用，请稍后再试。名额仍为您保留。",
    "balance": "支付暂时不可用，请稍后再试。也可以到店支付。",
}


@dataclass(frozen=True, slots=True)
class Bill:
    """One of the two things that are paid for a booking: its words, its addresses, what the services do for it."""

    name: str  # endpoints: booking.show_<name>, open_, show_<name>_status, check_
    open: Callable[..., Cashier]
    present: Callable[..., Cashier | None]
    check: Callable[..., bool]

    @property
    def show(self) -> str:
        return f"booking.show_{self.name}"

    @property
    def begin(self) -> str:
        return f"booking.open_{self.name}"

    @property
    def status(self) -> str:
        return f"booking.show_{self.name}_status"

    @property
    def ask(self) -> str:
        return f"booking.check_{self.name}"

    def word(self, booking: Booking) -> str:
        return booking.earnest_kind if self is EARNEST else "余款"

    def fen(self, booking: Booking) -> int:
        return booking.earnest_fen if self is EARNEST else booking.balance_fen

    def is_open(self, booking: Booking) -> bool:
        """Whether it is still to be paid, whatever the hour."""
        return booking.state == BookingState.HELD if self is EARNEST else _balance_stands(booking)

    def is_payable(self, booking: Booking, now: datetime) -> bool:
        """Whether it can be paid at this moment."""
        return now < booking.hold_until if self is EARNEST else balance.is_payable(booking, now)

    def until(self, booking: Booking, now: datetime) -> datetime:
        """By when an order that is made now has to be paid."""
        return booking.hold_until if self is EARNEST else balance.cashier_until(booking, now)


def _balance_stands(booking: Booking) -> bool:
    return booking.state in PICK_UP and booking.balance_open


EARNEST = Bill("payment", pay.open_booking_payment, pay.present_cashier, pay.check_payment)
BALANCE = Bill("balance", balance.open_balance_payment, balance.present_balance_cashier, balance.check_balance_payment)


@blueprint.get("/bookings/<no>/payment")
@access("member")
def show_payment(no: str) -> Response:
    return _cashier_page(EARNEST, no, _method())


@blueprint.post("/bookings/<no>/payment")
@access("member")
def open_payment(no: str) -> Response:
    """Make the order at WeChat Pay, or find the one that is open; then the cashier can be shown."""
    return _open(EARNEST, no)


@blueprint.get("/bookings/<no>/payment/status")
@access("member")
def show_payment_status(no: str) -> Response:
    """待支付, 支付确认中, or on to the booking when it is settled."""
    return _status(EARNEST, no)


@blueprint.post("/bookings/<no>/payment/checks")
@access("member")
@limiter.limit("20/minute")
def check_payment(no: str) -> Response:
    """The shopper says it is paid: ask WeChat Pay. What the browser said changes nothing."""
    return _check(EARNEST, no)


@blueprint.get("/bookings/<no>/balance")
@access("member")
def show_balance(no: str) -> Response:
    return _cashier_page(BALANCE, no, _method())


@blueprint.post("/bookings/<no>/balance")
@access("member")
def open_balance(no: str) -> Response:
    """The same for the rest of the price."""
    return _open(BALANCE, no)


@blueprint.get("/bookings/<no>/balance/status")
@access("member")
def show_balance_status(no: str) -> Response:
    return _status(BALANCE, no)


@blueprint.post("/bookings/<no>/balance/checks")
@access("member")
@limiter.limit("20/minute")
def check_balance(no: str) -> Response:
    return _check(BALANCE, no)


def _open(bill: Bill, no: str) -> Response:
    method = _method()
    try:
        opened = open_order(no, method, bill)
    except (NeedsWeChatLogin, PaymentBusy) as refusal:
        return _cashier_page(bill, no, method, 422, refusal.message)
    if opened:
        chosen = method.value if method is not suggested() else None
        return go(url_for(bill.show, no=no, method=chosen, **_more()))
    # Words that stand in the page outlast the next answer of the status beside them, a banner does not.
    return _cashier_page(bill, no, method, unavailable(), UNREACHABLE[bill.name])


def _status(bill: Bill, no: str) -> Response:
    booking, now = queries.get_booking(no, g.member.id), clock.now()
    if not bill.is_open(booking):
        return _onward(bill, booking, now)
    payable = bill.is_payable(booking, now)
    return render(
        "booking/_payment_status.html", bill=bill, booking=booking, payable=payable, returned=_returned(), more=_more(),
        until=bill.until(booking, now),
    )  # fmt: skip


def _check(bill: Bill, no: str) -> Response:
    try:
        bill.check(actor(), no, current_app.extensions["pay"], clock.now())
    except GatewayError as exc:
        log.warning("payment_check_failed", provider_error=exc.code)
    if wants_fragment():
        return _status(bill, no)
    booking, now = queries.get_booking(no, g.member.id), clock.now()
    return go(url_for("booking.show_booking", no=no)) if bill.is_open(booking) else _onward(bill, booking, now)


def suggested() -> Method:
    hints = parse_user_agent(request.user_agent.string)
    return Method(suggest_method(hints.wechat, hints.desktop or hints.os == "desktop"))


def _method() -> Method:
    """What the person chose, else what fits this client."""
    chosen = request.values.get("method", "")
    return Method(chosen) if chosen in set(Method) else suggested()


def open_order(no: str, method: Method, bill: Bill) -> bool:
    """False when WeChat Pay cannot be reached; nothing changed then, and the cashier page says so."""
    own = settings()
    try:
        bill.open(
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


def _cashier_page(bill: Bill, no: str, method: Method, status: int = 200, problem: str = "") -> Response:
    now = clock.now()
    page = queries.get_booking_page(no, g.member.id, now)
    booking = page.booking
    if not bill.is_open(booking):
        return _onward(bill, booking, now)
    cashier = bill.present(no, g.member.id, current_app.extensions["pay"], now, method)
    site = settings().public_base_url.rstrip("/")
    here = site + url_for(bill.show, no=no, **_more())
    back = site + url_for(bill.show, no=no, returned=1, **_more())
    payable, until = bill.is_payable(booking, now), bill.until(booking, now)
    return render(
        "booking/payment.html",
        status=status,
        view=page,
        bill=bill,
        booking=booking,
        payable=payable,
        until=until,
        cashier=cashier,
        method=method.value,
        methods=METHOD_WORDS,
        h5_link=h5_link(cashier.url, back) if cashier and method is Method.H5 else "",
        native_qr=qr_svg(cashier.url) if cashier and method is Method.NATIVE else None,
        renew_seconds=max(int((cashier.until - now).total_seconds()) + 1, 1) if cashier else 0,
        config=_js_config() if cashier and method is Method.JSAPI else None,
        returned=_returned(),
        problem=problem,
        too_late=not may_begin(now, until),
        begin=request.args.get("begin") == "1" and request.method == "GET",
        here=here,
        here_qr=qr_svg(here),
        form=CancelForm(),
        more=_more(),
        may_pay_whole=bill is EARNEST and booking.balance_fen > 0 and balance.window(booking, now) is Window.OPEN,
    )


def _onward(bill: Bill, booking: Booking, now: datetime) -> Response:
    """Where it goes on when this is paid: to the balance, for who pays the whole price at once, else to the booking."""
    if bill is EARNEST and _more() and balance.is_payable(booking, now):
        return go(url_for(BALANCE.show, no=booking.no, begin=1, **_more()))
    return go(url_for("booking.show_booking", no=booking.no))


def _more() -> dict[str, Any]:
    """一次付清: the wish to pay the whole price goes along in the address, from the earnest money to the balance."""
    return {"whole": 1} if request.values.get("whole") == "1" else {}


def _js_config() -> JsConfig | None:
    """The signature of this very page; without one the bridge alone opens the cashier."""
    try:
        return current_app.extensions["wechat"].js_config(request.url)
    except (GatewayError, NotSignable) as exc:
        log.warning("page_not_signed", error=type(exc).__name__)
        return None


def _returned() -> bool:
    return request.values.get("returned") == "1"
