"""日结 on the phone of a store's manager, and the public keys by which anybody checks one."""

from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for

from app.core import clock
from app.core.errors import DomainError, NotAllowed
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.ledger import queries, shown
from app.ledger.forms import WordsForm
from app.ledger.models import DailyClose
from app.ledger.services import close as services
from app.ledger.services import verify
from app.ledger.shown import parse_day, send_file

blueprint = Blueprint("ledger", __name__)
RECENT = 60


@blueprint.get("/ledger/keys")
@access("public")
def show_keys() -> Response:
    """Which keys headquarters signs with, for whoever wants to check a close alone."""
    return render("ledger/keys.html", keys=queries.list_keys())


@blueprint.get("/ledger/keys.json")
@access("public")
def list_keys() -> Response:
    return jsonify(
        keys=[
            {
                "key": key.id,
                "public_key": key.public_key,
                "algorithm": "Ed25519",
                "since": key.since.isoformat(),
                "statement": key.statement,
                "signature": key.signature,
            }
            for key in queries.list_keys()
        ]
    )


@blueprint.get("/staff/closes")
@access("staff")
def list_closes() -> Response:
    return render("ledger/staff/closes.html", closes=[(row, shown.word_of(row)) for row in _closes()])


@blueprint.get("/staff/closes/<day>")
@access("staff")
def show_close(day: str) -> Response:
    return _close_page(_own(day), WordsForm(formdata=None))


@blueprint.post("/staff/closes/<day>/agreement")
@access("staff")
def say_right(day: str) -> Response:
    row = _own(day)
    if verify.verify_close(row, shown.signer()):  # nobody agrees to what is no longer as it was signed
        return _close_page(row, WordsForm(formdata=None), 422)
    services.say_right(actor(), row.on, clock.now())
    return go(url_for("ledger.show_close", day=day))


@blueprint.post("/staff/closes/<day>/objection")
@access("staff")
def object_to(day: str) -> Response:
    row, form = _own(day), WordsForm()
    try:
        services.object_to(actor(), row.on, form.reason.data or "", clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        form.reason.errors = [refusal.message]
        return _close_page(row, form, 422)
    return go(url_for("ledger.show_close", day=day))


@blueprint.get("/staff/closes/<day>/close.json")
@access("staff")
def download_close(day: str) -> Response:
    row = _own(day)
    return send_file(services.file_of(row), row, "close", "json")


@blueprint.get("/staff/closes/<day>/rows.json")
@access("staff")
def download_rows(day: str) -> Response:
    row = _own(day)
    return send_file(services.rows_file_of(row), row, "rows", "json")


@blueprint.get("/staff/closes/<day>/rows.csv")
@access("staff")
def download_csv(day: str) -> Response:
    row = _own(day)
    return send_file("".join(shown.write_csv(row)), row, "rows", "csv")


def _closes() -> Any:
    return queries.list_closes(_dealer_id(), RECENT)


def _own(day: str) -> DailyClose:
    return queries.get_close(_dealer_id(), parse_day(day))


def _dealer_id() -> int:
    """Whose closes these are. Only the manager settles with headquarters."""
    who = actor()
    if who.role != "manager" or who.dealer_id is None:
        raise NotAllowed
    return who.dealer_id


def _close_page(row: DailyClose, form: WordsForm, status: int = 200) -> Response:
    problems = verify.verify_close(row, shown.signer())
    view = shown.show(row, request.args.get("page", 1, type=int), problems)
    return render("ledger/staff/close.html", status=status, view=view, close=row, form=form)
