"""资金 → 支付查询 and 退款处理: what was paid and told, and what a person does about refunds that got stuck."""

from typing import Any

import structlog
from flask import Blueprint, Flask, current_app, request, url_for

from app.core import backoffice, clock
from app.core.errors import DomainError, GatewayError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.gateways.pay.port import BankCard
from app.payments import queries
from app.payments.forms import CardForm, StuckForm
from app.payments.rules import CHANNEL_WORDS, PAYMENT_WORDS, REFUND_WORDS, VERDICT_WORDS
from app.payments.services import stuck

log = structlog.get_logger(__name__)
blueprint = Blueprint("money", __name__, url_prefix="/admin")


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "资金", "支付查询", "money.list_payments", "payments")
    backoffice.register(app, "资金", "退款处理", "money.list_stuck", "refunds")


@blueprint.get("/payments")
@access("admin")
def list_payments() -> Any:
    """Read only: the newest payments, or those with a number; and notices that did not do what they said."""
    number = request.args.get("q", "").strip().strip("`")[:64]
    return render(
        "payments/admin/payments.html",
        here="payments",
        q=number,
        rows=queries.list_payments(number),
        notices=queries.list_suspicious_notices(number),
        states=PAYMENT_WORDS,
        refund_states=REFUND_WORDS,
        channels=CHANNEL_WORDS,
        verdicts=VERDICT_WORDS,
    )


@blueprint.get("/refunds")
@access("admin")
def list_stuck() -> Any:
    return _page()


@blueprint.post("/refunds/<int:refund_id>/handled")
@access("admin")
def handle(refund_id: int) -> Any:
    try:
        stuck.mark_handled(actor(), refund_id, StuckForm().reason.data or "", clock.now())
    except DomainError as refusal:
        return _page(refusal, 422)
    return go(url_for("money.list_stuck"))


@blueprint.post("/refunds/<int:refund_id>/card")
@access("admin")
def send_to_card(refund_id: int) -> Any:
    form = CardForm()
    card = BankCard(
        (form.bank_type.data or "").strip().upper(),
        (form.account.data or "").replace(" ", ""),
        (form.name.data or "").strip()[:32],
    )
    try:
        stuck.send_to_card(actor(), refund_id, card, current_app.extensions["pay"], clock.now())
    except DomainError as refusal:
        return _page(refusal, 422)
    except GatewayError as exc:
        log.warning("refund_not_sent_to_card", provider_error=exc.code, refund=refund_id)
        return _page(DomainError(f"微信支付没有受理（{exc.code[:32]}），款项没有变动，请核对后重试。"), 503)
    return go(url_for("money.list_stuck"))


def _page(refusal: DomainError | None = None, status: int = 200) -> Any:
    if refusal is not None and refusal.status not in (422, 500):
        raise refusal
    return render(
        "payments/admin/refunds.html",
        status=status,
        here="refunds",
        rows=queries.list_stuck(),
        handled=queries.list_handled(),
        problem=refusal.message if refusal else "",
        words=REFUND_WORDS,
    )
