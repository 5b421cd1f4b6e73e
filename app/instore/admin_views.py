"""店内码与客流 in the back office: which stores stand codes, what came of them, and a look at each."""

from flask import Blueprint, Flask, Response, request

from app.core import backoffice, clock
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.dealers.queries import get_dealer
from app.instore.queries import desk, traffic
from app.instore.rules import KIND_WORDS, STOCK_WORDS
from app.instore.services import codes

blueprint = Blueprint("instore_admin", __name__, url_prefix="/admin")


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "内容", "店内码", "instore_admin.list_stores", "codes")
    backoffice.register(app, "概览", "到店客流", "instore_admin.list_traffic", "traffic")


@blueprint.get("/codes")
@access("admin")
def list_stores() -> Response:
    return render("instore/admin/stores.html", here="codes", rows=desk.list_stores_with_codes(), kinds=KIND_WORDS)


@blueprint.get("/codes/<slug>")
@access("admin")
def show_store(slug: str) -> Response:
    """A store's codes; headquarters may retire one."""
    dealer, retired = get_dealer(slug), request.args.get("retired") == "1"
    return render(
        "instore/admin/codes.html",
        here="codes",
        dealer=dealer,
        retired=retired,
        lines=desk.list_codes(dealer.id, clock.now(), retired=retired),
        kinds=KIND_WORDS,
        stock_words=STOCK_WORDS,
    )


@blueprint.post("/codes/<slug>/<int:code_id>/retirement")
@access("admin")
def retire(slug: str, code_id: int) -> Response:
    codes.retire_code(actor(), code_id, request.form.get("reason", "").strip() or "总部停用", clock.now())
    return go(f"/admin/codes/{slug}")


@blueprint.get("/traffic")
@access("admin")
def list_traffic() -> Response:
    """Every store that was visited, side by side."""
    days = traffic.days_of(request.args.get("days", ""))
    return render(
        "instore/admin/traffic.html",
        here="traffic",
        rows=traffic.list_stores(days, clock.now()),
        days=days,
        spans=traffic.SPANS,
        steps=traffic.STEP_WORDS,
    )


@blueprint.get("/traffic/<slug>")
@access("admin")
def show_traffic(slug: str) -> Response:
    dealer = get_dealer(slug)
    days = traffic.days_of(request.args.get("days", ""))
    return render(
        "instore/admin/store_traffic.html",
        here="traffic",
        dealer=dealer,
        traffic=traffic.get_traffic(dealer.id, days, clock.now()),
        spans=traffic.SPANS,
        steps=traffic.STEP_WORDS,
    )
