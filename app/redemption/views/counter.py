"""The counter on the staff's phones: scan → preview → confirm → result, each one round trip.

With scripts the page stays and only its middle changes, so that sound stays unlocked and WeChat's scanner set up;
without them the same answers come as pages.
"""

from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Response, current_app, g, redirect, request, url_for

from app.core import clock
from app.core.errors import DomainError, GatewayError
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor, settings
from app.gateways.wechat.port import JsConfig, NotSignable
from app.members.session import current_member
from app.redemption import queries, services
from app.redemption.errors import JustDone, Refused
from app.redemption.forms import ConfirmForm, ScanForm, UndoForm
from app.redemption.rules import Kind, Scan, read_scan
from app.redemption.views import blueprint
from app.redemption.views.lists import counts
from app.staff.session import current_phone, current_phone_id, current_staff, is_staff_here

log = structlog.get_logger(__name__)
FIELDS = {"ticket": 121, "nonce": 41, "document": 61, "bill": 21}  # one letter more than good ones have
WORDS = {"used": "已使用", "needs": "需补充", "invalid": "无效"}


@blueprint.get("/r/<token>")
@access("public")
def open_code(token: str) -> Any:
    """Scanned by the phone's own camera: staff go to the preview, everybody else reads whom to show it to."""
    g.private = True
    if is_staff_here(current_member()):
        return redirect(url_for("redemption.show_preview", code=token))
    return render("redemption/code.html", coupon=token.startswith("C"))


@blueprint.get("/staff/scan")
@access("staff")
def scan() -> Response:
    return _scan_page(ScanForm(formdata=None))


@blueprint.get("/staff/redemptions/preview")
@access("staff")
def show_preview() -> Response:
    """A code scanned outside this page. Only whole codes: typed ones are counted, and reading writes nothing."""
    if read_scan(request.args.get("code", "")).kind is not Kind.TOKEN:
        return go(url_for("redemption.scan"))
    return _preview(request.args.get("code", ""), "", keep=False)


@blueprint.post("/staff/redemptions/preview")
@access("staff")
def preview() -> Response:
    code, tail = request.form.get("code", ""), request.form.get("tail", "")
    if not code.strip() or len(code) > 300:
        form = ScanForm()
        form.validate()
        return _scan_page(form, 422)
    return _preview(code, tail)


@blueprint.post("/staff/redemptions")
@access("staff")
def redeem() -> Response:
    """Confirm. A retry with the same nonce leads to the same success.

    CSRF is checked for every POST before; the form object is only built where something is to be filled in again.
    """
    given = {name: request.form.get(name, "")[:most] for name, most in FIELDS.items()}
    if not (given["ticket"] and given["nonce"]):
        return go(url_for("redemption.scan"))
    try:
        done = services.redeem(
            actor(),
            given["ticket"],
            given["nonce"],
            clock.now(),
            secret=_secret(),
            document=given["document"],
            bill=given["bill"],
            phone_id=current_phone_id(),
        )
    except Refused as refusal:
        return _refusal(refusal)
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _look_again(given["ticket"], given["nonce"], ConfirmForm(), refusal)
    if wants_fragment():
        return _show(_receipt(done))
    return go(url_for("redemption.show_result", redemption_id=done.id))


@blueprint.get("/staff/redemptions/<int:redemption_id>")
@access("staff")
def show_result(redemption_id: int) -> Response:
    return _result(redemption_id)


@blueprint.post("/staff/redemptions/<int:redemption_id>/undo")
@access("staff")
def undo(redemption_id: int) -> Response:
    form = UndoForm()
    if form.validate():
        try:
            services.undo(actor(), redemption_id, form.reason.data or "", clock.now())
        except DomainError as refusal:
            if refusal.status != 422:
                raise
            form.reason.errors = [refusal.message]
    receipt = queries.get_receipt(redemption_id, actor(), clock.now())
    if not receipt.undone:
        return _show(receipt, form, 422)
    if wants_fragment():  # also where the answer to the first press was lost, or a colleague was faster
        return _show(receipt)
    return go(url_for("redemption.show_result", redemption_id=redemption_id))


@blueprint.post("/staff/redemptions/worth")
@access("staff")
def show_worth() -> Response:
    """What the coupon is worth for the bill as it is being typed, a fragment: nothing is redeemed."""
    form = ConfirmForm()
    try:
        worth = services.value_now(actor(), form.ticket.data or "", form.bill.data or "", clock.now(), secret=_secret())
    except DomainError as refusal:
        return render("redemption/_worth.html", problem=refusal.message)
    return render("redemption/_worth.html", worth=worth)


def _page(part: str, screen: str, *, status: int = 200, **context: Any) -> Response:
    """One template for all steps; `screen` is the body's class, which the fragment's script sets."""
    return render(
        "redemption/counter.html", f"redemption/{part}.html", status=status, part=part, screen=screen, **context
    )


def _preview(code: str, tail: str, *, keep: bool = True) -> Response:
    try:
        seen = services.preview(
            actor(), _read(code, tail), clock.now(), secret=_secret(), phone_id=current_phone_id(), keep=keep
        )
    except Refused as refusal:
        return _refusal(refusal)
    form = ConfirmForm(formdata=None) if seen.shown.asks else None
    return _page("_preview", "staff", seen=seen, form=form)


def _read(code: str, tail: str) -> Scan:
    return read_scan(code, tail, urlsplit(settings().public_base_url).netloc)


def _look_again(ticket: str, nonce: str, form: ConfirmForm, problem: DomainError) -> Response:
    """The same confirmation once more, with what is wrong about the field: nothing is scanned again."""
    try:
        seen = services.look_again(actor(), ticket, nonce, clock.now(), secret=_secret())
    except Refused as refusal:
        return _refusal(refusal)
    asks = seen.shown.asks
    if asks in ("document", "bill"):
        form[asks].errors = [problem.message]
    else:
        form.form_errors, form.document.data, form.document.raw_data = [problem.message], "", None
    return _page("_preview", "staff", status=422, seen=seen, form=form)


def _refusal(refusal: Refused) -> Response:
    log.info("scan_refused", code_name=refusal.code)
    return _page(
        "_refused",
        f"result {refusal.screen}",
        status=422 if wants_fragment() else refusal.status,
        kind=refusal.screen,
        word=WORDS[refusal.screen],
        message=refusal.message,
        receipt=refusal.receipt if isinstance(refusal, JustDone) else None,
    )


def _result(redemption_id: int, form: UndoForm | None = None, status: int = 200) -> Response:
    return _show(queries.get_receipt(redemption_id, actor(), clock.now()), form, status)


def _receipt(done: services.Redeemed) -> queries.Receipt:
    """From what the confirmation knows: a queue waits for it. Else as it is written."""
    if done.line is None or done.words is None:
        return queries.get_receipt(done.id, actor(), clock.now())
    staff, phone = current_staff(), current_phone()
    return queries.receipt_of(
        done.line,
        done.words,
        actor(),
        clock.now(),
        staff=staff.name,
        dealer=staff.dealer_name,
        phone=phone.name if phone else None,
    )


def _show(receipt: queries.Receipt, form: UndoForm | None = None, status: int = 200) -> Response:
    if form is None and receipt.may_undo and receipt.undo_needs_reason:
        form = UndoForm(formdata=None)
    kind = "needs" if receipt.undone else "ok"
    word = "已撤销" if receipt.undone else "核销成功"
    return _page("_result", f"result {kind}", status=status, receipt=receipt, form=form, kind=kind, word=word)


def _scan_page(form: ScanForm, status: int = 200) -> Response:
    return _page("_scan", "staff", status=status, form=form, config=_js_config(), **counts())


def _js_config() -> JsConfig | None:
    if wants_fragment():  # the page around it has been set up
        return None
    try:
        return current_app.extensions["wechat"].js_config(request.url)
    except (GatewayError, NotSignable) as exc:
        log.warning("page_not_signed", error=type(exc).__name__)
        return None


def _secret() -> str:
    return settings().secret_key.get_secret_value()
