"""The counter on the staff's own phones, and the address inside a customer's code."""

from typing import Any

import structlog
from flask import Blueprint, Response, current_app, g, redirect, request, url_for

from app.booking.queries.store import count_waiting
from app.core import clock
from app.core.errors import DomainError, GatewayError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor, settings
from app.gateways.wechat.port import JsConfig, NotSignable
from app.members.session import current_member
from app.redemption import queries, services
from app.redemption.errors import Refused
from app.redemption.forms import ConfirmForm, ScanForm, UndoForm
from app.redemption.rules import Kind, read_scan
from app.staff import queries as staff

log = structlog.get_logger(__name__)
blueprint = Blueprint("redemption", __name__)


@blueprint.get("/r/<token>")
@access("public")
def open_code(token: str) -> Any:
    """Scanned by the phone's own camera: staff go to the preview, everybody else reads whom to show it to."""
    g.private = True
    member = current_member()
    if member is not None and staff.find_active(member.id) is not None:
        return redirect(url_for("redemption.show_preview", code=token))
    return render("redemption/code.html")


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
    return _preview(request.args.get("code", ""), "")


@blueprint.post("/staff/redemptions/preview")
@access("staff")
def preview() -> Response:
    form = ScanForm()
    if not form.validate():
        return _scan_page(form, 422)
    return _preview(form.code.data or "", form.tail.data or "")


@blueprint.post("/staff/redemptions")
@access("staff")
def redeem() -> Response:
    """Confirm. A retry with the same nonce leads to the same success."""
    form = ConfirmForm()
    if form.ticket.errors or not (form.ticket.data and form.nonce.data):
        return go(url_for("redemption.scan"))
    ticket, nonce, now = form.ticket.data, form.nonce.data, clock.now()
    try:
        redemption_id = services.redeem(
            actor(), ticket, nonce, now, secret=_secret(), document=form.document.data or ""
        )
    except Refused as refusal:
        return _refusal(refusal)
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _look_again(ticket, nonce, form, refusal)
    return go(url_for("redemption.show_result", redemption_id=redemption_id))


@blueprint.get("/staff/redemptions/<int:redemption_id>")
@access("staff")
def show_result(redemption_id: int) -> Response:
    return _result(redemption_id, UndoForm(formdata=None))


@blueprint.post("/staff/redemptions/<int:redemption_id>/undo")
@access("staff")
def undo(redemption_id: int) -> Response:
    form = UndoForm()
    if form.validate():
        try:
            services.undo(actor(), redemption_id, form.reason.data or "", clock.now())
            return go(url_for("redemption.show_result", redemption_id=redemption_id))
        except DomainError as refusal:
            if refusal.status != 422:
                raise
            form.reason.errors = [refusal.message]
    return _result(redemption_id, form, 422)


@blueprint.get("/staff/redemptions")
@access("staff")
def list_redemptions() -> Response:
    receipts = queries.list_today(actor(), clock.now())
    return render("redemption/today.html", "redemption/_today.html", receipts=receipts)


@blueprint.get("/staff/redemptions/today")
@access("staff")
def show_counts() -> Response:
    """The counters of the staff home, a fragment."""
    return render("redemption/_counts.html", **_counts())


def _preview(code: str, tail: str) -> Response:
    try:
        seen = services.preview(actor(), read_scan(code, tail), clock.now(), secret=_secret())
    except Refused as refusal:
        return _refusal(refusal)
    form = ConfirmForm(formdata=None, ticket=seen.ticket, nonce=seen.nonce)
    return render("redemption/preview.html", seen=seen, form=form, dealer_name=staff.dealer_name(_dealer_id()))


def _look_again(ticket: str, nonce: str, form: ConfirmForm, problem: DomainError) -> Response:
    """The same confirmation once more, with what is wrong about the balance: nothing is scanned again."""
    try:
        seen = services.look_again(actor(), ticket, nonce, clock.now(), secret=_secret())
    except Refused as refusal:
        return _refusal(refusal)
    if seen.rest_fen:
        form.document.errors = [problem.message]
    else:
        form.form_errors, form.document.data, form.document.raw_data = [problem.message], "", None
    dealer_name = staff.dealer_name(_dealer_id())
    return render("redemption/preview.html", status=422, seen=seen, form=form, dealer_name=dealer_name)


def _refusal(refusal: Refused) -> Response:
    words = {"used": "已使用", "needs": "需补充", "invalid": "无效"}
    log.info("scan_refused", code_name=refusal.code)
    return render(
        "redemption/refused.html",
        status=refusal.status,
        kind=refusal.screen,
        word=words[refusal.screen],
        message=refusal.message,
    )


def _result(redemption_id: int, form: UndoForm, status: int = 200) -> Response:
    receipt = queries.get_receipt(redemption_id, actor(), clock.now())
    return render("redemption/result.html", status=status, receipt=receipt, form=form)


def _scan_page(form: ScanForm, status: int = 200) -> Response:
    return render("redemption/scan.html", status=status, form=form, config=_js_config(), **_counts())


def _counts() -> dict[str, int]:
    now = clock.now()
    return {
        "redeemed": queries.count_today(_dealer_id(), now),
        "waiting": count_waiting(_dealer_id()),
    }


def _js_config() -> JsConfig | None:
    try:
        return current_app.extensions["wechat"].js_config(request.url)
    except (GatewayError, NotSignable) as exc:
        log.warning("page_not_signed", error=type(exc).__name__)
        return None


def _dealer_id() -> int:
    return actor().dealer_id or 0


def _secret() -> str:
    return settings().secret_key.get_secret_value()
