"""资金 → 对账: the days, one day's report, its files, and a person's word about a difference."""

from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, g, request, url_for

from app.core import backoffice, clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.reconciliation import queries, reports
from app.reconciliation.forms import DayForm, HandledForm
from app.reconciliation.models import ReconciledDay
from app.reconciliation.rules import SIDE_WORDS, STATE_WORDS, VERDICT_WORDS, WORK_WORDS
from app.reconciliation.services import reconcile

blueprint = Blueprint("reconciliation", __name__, url_prefix="/admin/reconciliation")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "资金", "对账", "reconciliation.list_days", "reconciliation")


@blueprint.get("")
@access("admin")
def list_days() -> Any:
    return _days_page(DayForm(formdata=None))


@blueprint.post("")
@access("admin")
def run_day() -> Any:
    """Reconcile a day now; the same as the command."""
    form = DayForm()
    try:
        day = form.wanted()
        outcome = reconcile.reconcile(day, current_app.extensions["pay"], clock.now())
    except DomainError as refusal:
        form.form_errors.append(refusal.message)
        return _days_page(form, status=422)
    if not outcome.done:
        form.form_errors.append(f"{day} 还没有对账：{outcome.note}。")
        return _days_page(form, status=422)
    return go(url_for("reconciliation.show_day", day=day.isoformat()))


@blueprint.get("/<day>")
@access("admin")
def show_day(day: str) -> Any:
    return _day_page(_find(day), HandledForm(formdata=None))


@blueprint.post("/<day>/lines/<int:line_id>/handled")
@access("admin")
def handle_line(day: str, line_id: int) -> Any:
    row, form = _find(day), HandledForm()
    try:
        reconcile.mark_handled(actor(), line_id, form.reason.data or "", clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        form.form_errors.append(refusal.message)
        return _day_page(row, form, status=422)
    return go(url_for("reconciliation.show_day", day=day))


@blueprint.get("/<day>/report.csv")
@access("admin")
def download_csv(day: str) -> Response:
    row = _find(day)
    text = "".join(reports.write_csv(queries.each_line(row.day)))
    return _file(text.encode(), "text/csv; charset=utf-8", reports.file_name(row.day, "csv"))


@blueprint.get("/<day>/report.xlsx")
@access("admin")
def download_xlsx(day: str) -> Response:
    row = _find(day)
    name = reports.file_name(row.day, "xlsx")
    return _file(reports.write_xlsx(row, queries.each_line(row.day)), XLSX, name)


def _file(content: bytes, kind: str, name: str) -> Response:
    response = Response(content, content_type=kind)
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    response.headers["Cache-Control"] = "no-store"
    return response


def _find(day: str) -> ReconciledDay:
    try:
        wanted = clock.read_day(day)
    except ValueError:
        abort(404)
    return queries.find_day(wanted) or abort(404)


def _days_page(form: DayForm, *, status: int = 200) -> Any:
    return render(
        "reconciliation/admin/days.html",
        status=status,
        here="reconciliation",
        operator=g.operator,
        days=queries.list_days(),
        waiting=queries.count_open(),
        form=form,
    )


def _day_page(row: ReconciledDay, form: HandledForm, *, status: int = 200) -> Any:
    number = max(request.args.get("page", 1, type=int), 1)
    return render(
        "reconciliation/admin/day.html",
        status=status,
        here="reconciliation",
        row=row,
        figures=reports.figure_rows(row),
        work=queries.page_of_lines(row.day, 1, only_work=True),
        page=queries.page_of_lines(row.day, number, only_work=False),
        sides=SIDE_WORDS,
        verdicts=VERDICT_WORDS,
        works=WORK_WORDS,
        states=STATE_WORDS,
        form=form,
    )
