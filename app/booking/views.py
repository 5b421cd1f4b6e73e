"""Deals for everybody; booking, cashier and one's own bookings for members."""

import contextlib
from datetime import timedelta
from typing import Any

import structlog
from flask import Blueprint, Response, current_app, g, make_response, render_template, request, url_for

from app.booking import queries
from app.booking.errors import PriceChanged, TermsChanged
from app.booking.forms import BookingForm, CancelForm
from app.booking.rules import PHASE_WORDS, SHARING_TEXT, BookingState, DealPhase, state_words
from app.booking.services import pay, place, release
from app.core import caching, clock, ids
from app.core.errors import DomainError, GatewayError
from app.core.htmx import go, render, wants_fragment
from app.core.qr import qr_svg
from app.core.security import access, living_code
from app.core.web import actor, limiter, settings
from app.gateways.pay.port import Method
from app.gateways.wechat.port import JsConfig, NotSignable
from app.gateways.wechat.ua import parse_user_agent
from app.members import queries as members
from app.payments.errors import NeedsWeChatLogin, PaymentBusy
from app.payments.rules import may_begin, suggest_method

log = structlog.get_logger(__name__)
blueprint = Blueprint("booking", __name__)
STOCK_KEPT = timedelta(seconds=1)  # a unit may come and go while a list is made: then it is wrong for so long
METHOD_WORDS = {
    Method.JSAPI.value: "在微信里付款",
    Method.H5.value: "打开手机微信付款",
    Method.NATIVE.value: "扫码付款",
}


# ---- deals: public, the same for everyone ----


def _stock() -> int | None:
    return queries.find_stock((request.view_args or {})["slug"])


@blueprint.get("/deals")
@access("public")
@caching.cached_page(key=queries.list_stock)
def list_deals() -> Response:
    now = clock.now()
    cards = queries.list_deals(now)
    caching.good_until(queries.next_change(cards, now))
    caching.good_until(now + STOCK_KEPT)
    return render("booking/deals.html", cards=cards, words=PHASE_WORDS)


@blueprint.get("/deals/<slug>")
@access("public")
@caching.cached_page(key=_stock)
def show_deal(slug: str) -> Response:
    now = clock.now()
    page = queries.get_deal_page(slug, now)
    caching.made_for(page.card.units_left)
    caching.good_until(queries.next_change([page.card], now))
    return render("booking/deal.html", view=page, card=page.card, words=PHASE_WORDS)


@blueprint.get("/deals/<slug>/stock")
@access("public")
def show_stock(slug: str) -> Response:
    """What changes by itself: phase, countdown, units left, and the button that follows from them."""
    card = queries.get_deal_card(slug, clock.now())
    return caching.public(render("booking/_stock.html", card=card, words=PHASE_WORDS, with_action=wants_fragment()))


@blueprint.get("/deals/for-series/<slug>")
@access("public")
def show_series_deals(slug: str) -> Response:
    """The deals on one series: a fragment of its model page with the bar's button, or a page of its own."""
    cards, inside = queries.list_deals_of_series(slug, clock.now()), wants_fragment()
    pages = "booking/series_deals.html", "booking/_series_deals.html"
    return caching.public(render(*pages, cards=cards, words=PHASE_WORDS, slug=slug, with_action=inside))


# ---- booking ----


@blueprint.get("/deals/<slug>/bookings/new")
@access("member")
def new_booking(slug: str) -> Response:
    page = queries.get_deal_page(slug, clock.now())
    member = members.get_member(g.member.id)
    known = member.phone if member.phone_verified_at and request.args.get("phone") != "other" else ""
    form = BookingForm(
        name=member.name,
        phone=known,
        dealer=request.args.get("dealer", ""),
        idempotency_key=ids.token(16),
        seen_price_fen=page.card.price_fen,
        terms_version=page.terms.version,
    )
    return _booking_page(page, form)


@blueprint.post("/deals/<slug>/bookings")
@access("member")
def place_booking(slug: str) -> Response:
    form, now = BookingForm(), clock.now()
    page = queries.get_deal_page(slug, now)
    if not form.validate():
        return _booking_page(page, form, 422)
    wish = place.Wish(
        deal_slug=slug,
        dealer_id=form.dealer_id,
        name=(form.name.data or "").strip(),
        phone=form.number,
        idempotency_key=form.idempotency_key.data or "",
        seen_price_fen=form.seen_price_fen.data or 0,
        terms_version=form.terms_version.data or "",
    )
    try:
        place.prove_phone(actor(), wish.phone, form.code.data or "", now, secret=_secret())
        placed = place.place_booking(actor(), wish, now)
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _booking_page(queries.get_deal_page(slug, now), _onto(form, refusal), 422)
    with contextlib.suppress(NeedsWeChatLogin):  # the cashier's page says what to do
        _open_payment(placed.no, _suggested())
    return go(url_for("booking.show_payment", no=placed.no))


def _onto(form: BookingForm, refusal: DomainError) -> BookingForm:
    """The refusal's sentence on its field, or above the form."""
    field = form[refusal.field] if refusal.field and refusal.field in form else None
    if field is not None:
        field.errors = [refusal.message]
    else:
        form.form_errors = [refusal.message]
    return form


def _booking_page(page: queries.DealPage, form: BookingForm, status: int = 200) -> Response:
    if any(type(e) is str and e in (PriceChanged.message, TermsChanged.message) for e in _messages(form)):
        # What is shown now is what the next submit will have seen.
        form.seen_price_fen.raw_data, form.seen_price_fen.data = None, page.card.price_fen
        if form.terms_version.data != page.terms.version:
            form.terms_version.data, form.terms.data = page.terms.version, False  # ticked for another text
    city = request.values.get("city") or (page.cities[0][0] if len(page.cities) > 1 else "")
    chosen = queries.find_dealer_city(form.dealer_id) if form.dealer_id else None
    if chosen and not request.args.get("city"):
        city = chosen
    deal = queries.find_deal(page.card.slug)
    return render(
        "booking/new.html",
        "booking/_form.html",
        status=status,
        view=page,
        card=page.card,
        form=form,
        city=city,
        dealers=queries.list_participating_dealers(deal, city or None) if deal else [],
        proved=bool(form.number) and members.has_verified_phone(g.member.id, form.number),
        sharing_text=SHARING_TEXT,
        sent=False,
        wait_seconds=0,
    )


def _messages(form: BookingForm) -> list[Any]:
    return [message for errors in form.errors.values() for message in errors]


# ---- cashier ----


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
        opened = _open_payment(no, method)
    except (NeedsWeChatLogin, PaymentBusy) as refusal:
        return _cashier_page(no, method, 422, refusal.message)
    if opened:
        chosen = method.value if method is not _suggested() else None
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


def _suggested() -> Method:
    hints = parse_user_agent(request.user_agent.string)
    return Method(suggest_method(hints.wechat, hints.desktop or hints.os == "desktop"))


def _method() -> Method:
    """What the person chose, else what fits this client."""
    chosen = request.values.get("method", "")
    return Method(chosen) if chosen in set(Method) else _suggested()


def _open_payment(no: str, method: Method) -> bool:
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


# ---- one's own bookings ----


@blueprint.get("/me/bookings")
@access("member")
def list_bookings() -> Response:
    rows = [(b, state_words(b.state, b.earnest_kind)) for b in queries.list_bookings(g.member.id)]
    return render("booking/bookings.html", rows=rows)


@blueprint.get("/bookings/<no>")
@access("member")
def show_booking(no: str) -> Response:
    return _booking_detail(no)


@blueprint.get("/bookings/<no>/status")
@access("member")
def show_booking_status(no: str) -> Response:
    """Asked every two seconds: nothing while the state is the one that is seen, else the whole part anew."""
    page = queries.get_booking_page(no, g.member.id, clock.now())
    if wants_fragment() and request.args.get("seen") == f"{page.booking.state}-{len(page.steps)}":
        return make_response("", 204)
    return _booking_detail(no)


@blueprint.get("/bookings/<no>/code")
@access("member")
def show_code(no: str) -> Response:
    """The pick-up code of this minute, a fragment that renews itself."""
    page = queries.get_booking_page(no, g.member.id, clock.now())
    if not page.has_code:
        return go(url_for("booking.show_booking", no=no))
    return make_response(render_template("booking/_code.html", booking=page.booking, **_code(no)))


@blueprint.post("/bookings/<no>/cancellation")
@access("member")
def cancel_booking(no: str) -> Response:
    try:
        release.cancel_booking(actor(), no, current_app.extensions["pay"], clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _booking_detail(no, 422, refusal.message)
    return go(url_for("booking.show_booking", no=no))


def _booking_detail(no: str, status: int = 200, problem: str = "") -> Response:
    page = queries.get_booking_page(no, g.member.id, clock.now())
    return render(
        "booking/booking.html",
        "booking/_booking.html",
        status=status,
        view=page,
        booking=page.booking,
        problem=problem,
        form=CancelForm(),
        **(_code(no) if page.has_code else {}),
    )


def _code(no: str) -> dict[str, Any]:
    now = clock.now()
    code = living_code(_secret(), "B", no, now)
    return {
        "code_svg": qr_svg(f"{settings().public_base_url.rstrip('/')}/r/{code.token}"),
        "code_digits": f"{code.digits[:3]} {code.digits[3:]}",
        "code_seconds": max(code.expires_at_epoch - int(now.timestamp()), 1),
    }


def _secret() -> str:
    return settings().secret_key.get_secret_value()


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {"say": clock.say, "DealPhase": DealPhase}
