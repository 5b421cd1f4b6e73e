"""资金 → 账本: every chain with its end, what the last verification found, the closes and what stores object to."""

from typing import Any

from flask import Blueprint, Flask, Response, g, request, url_for

from app.core import audit, backoffice, clock
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.ledger import queries, shown
from app.ledger.forms import WordsForm
from app.ledger.services import close as services
from app.ledger.services import verify
from app.ledger.shown import parse_day, send_file

blueprint = Blueprint("ledger_admin", __name__, url_prefix="/admin/ledger")
HERE = "ledger"


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "资金", "账本", "ledger_admin.show_ledger", HERE)


@blueprint.get("")
@access("admin")
def show_ledger() -> Response:
    return _ledger_page(WordsForm(formdata=None))


@blueprint.post("/verification")
@access("admin")
def verify_now() -> Response:
    """Recompute every row of one chain, or of all."""
    now = clock.now()
    wanted = request.form.get("chain", type=int)
    chains = queries.list_chain_ids() if wanted is None else [wanted]
    found = sum(len(verify.check_chain(chain, shown.signer(), now, whole=True).problems) for chain in chains)
    with transaction():
        audit.record(actor(), "ledger_verified", "ledger", wanted, chains=len(chains), problems=found)
    return go(url_for("ledger_admin.show_ledger"))


@blueprint.post("/closes")
@access("admin")
def close_now() -> Response:
    """Close what is over and not closed yet, as the job does every half hour."""
    closed = services.close_days(shown.signer(), clock.now())
    with transaction():
        audit.record(actor(), "ledger_days_closed", "ledger", None, closes=closed)
    return go(url_for("ledger_admin.show_ledger"))


@blueprint.get("/<int:chain>")
@access("admin")
def list_closes(chain: int) -> Response:
    rows = queries.list_closes(chain, 366)
    return render(
        "ledger/admin/closes.html",
        here=HERE,
        operator=g.operator,
        name=queries.name_of(chain),
        closes=[(row, shown.word_of(row)) for row in rows],
    )


@blueprint.get("/<int:chain>/<day>")
@access("admin")
def show_close(chain: int, day: str) -> Response:
    return _close_page(chain, day, WordsForm(formdata=None))


@blueprint.get("/<int:chain>/<day>/close.json")
@access("admin")
def download_close(chain: int, day: str) -> Response:
    row = queries.get_close(chain, parse_day(day))
    return send_file(services.file_of(row), row, "close", "json")


@blueprint.get("/<int:chain>/<day>/rows.csv")
@access("admin")
def download_csv(chain: int, day: str) -> Response:
    row = queries.get_close(chain, parse_day(day))
    return send_file("".join(shown.write_csv(row)), row, "rows", "csv")


@blueprint.post("/<int:chain>/<day>/answer")
@access("admin")
def answer(chain: int, day: str) -> Response:
    """What headquarters says to an objection; the store reads it."""
    form, row = WordsForm(), queries.get_close(chain, parse_day(day))
    try:
        services.answer(actor(), row.id, form.reason.data or "", clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        form.reason.errors = [refusal.message]
        return _close_page(chain, day, form, 422)
    return go(url_for("ledger_admin.show_close", chain=chain, day=day))


def _ledger_page(form: WordsForm) -> Any:
    names, chains = queries.dealer_names(), queries.list_chains()
    return render(
        "ledger/admin/ledger.html",
        here=HERE,
        operator=g.operator,
        chains=chains,
        problems=[(chain.name, shown.in_words(one)) for chain in chains if chain.check for one in chain.check.problems],
        objections=[(row, queries.name_of(row.chain, names)) for row in queries.list_objections()],
        key_problems=verify.verify_keys(shown.signer()),
        form=form,
    )


def _close_page(chain: int, day: str, form: WordsForm, status: int = 200) -> Response:
    row = queries.get_close(chain, parse_day(day))
    return render(
        "ledger/admin/close.html",
        status=status,
        here=HERE,
        operator=g.operator,
        view=shown.show(row, request.args.get("page", 1, type=int), verify.verify_close(row, shown.signer())),
        close=row,
        form=form,
    )
