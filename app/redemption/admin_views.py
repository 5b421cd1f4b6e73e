"""交易 → 核销记录: what the stores redeemed, and the undo of a coupon that only headquarters may do any more."""

from typing import Any

from flask import Blueprint, Flask, Response, g, request, url_for

from app.core import backoffice, clock, ids
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.redemption import queries, services

blueprint = Blueprint("redemption_admin", __name__, url_prefix="/admin/redemptions")
HERE = "redemptions"


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "交易", "核销记录", "redemption_admin.list_redemptions", HERE)


@blueprint.get("")
@access("admin")
def list_redemptions() -> Response:
    """The latest of all stores, or every redemption of one number."""
    return _page(ids.as_typed(request.args.get("number", "")))


@blueprint.post("/<int:redemption_id>/undo")
@access("admin")
def undo(redemption_id: int) -> Response:
    number, reason = ids.as_typed(request.form.get("number", "")), request.form.get("reason", "")
    try:
        services.undo_late(actor(), redemption_id, reason, clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        if not queries.is_undone(redemption_id):  # else it stands as it was asked for: a second press, or somebody else
            return _page(number, refusal.message, reason, redemption_id, status=422)
    return go(url_for("redemption_admin.list_redemptions", number=number))


def _page(number: str, problem: str = "", reason: str = "", refused: int = 0, *, status: int = 200) -> Any:
    return render(
        "redemption/admin/list.html",
        status=status,
        here=HERE,
        operator=g.operator,
        number=number,
        receipts=queries.list_for_office(actor(), clock.now(), number),
        problem=problem,
        reason=reason,
        refused=refused,
    )
