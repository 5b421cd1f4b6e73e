"""按名单发放: a file is checked first, then the list is begun, stopped or dropped; the worker gives."""

from typing import Any

from flask import Response, g, request, url_for

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.coupons.admin_views import blueprint
from app.coupons.admin_views.forms import ListForm
from app.coupons.admin_views.lists import read_list
from app.coupons.queries import admin
from app.coupons.queries.giving import campaign_of, list_runs
from app.coupons.services import giving_runs

STEPS = {"start": giving_runs.start_run, "stop": giving_runs.stop_run, "drop": giving_runs.drop_run}


@blueprint.get("/<int:campaign_id>/lists")
@access("admin")
def list_runs_of(campaign_id: int) -> Response:
    """The page, or for htmx the part that changes."""
    return _page(campaign_id, ListForm(formdata=None))


@blueprint.post("/<int:campaign_id>/lists")
@access("admin")
def check_list(campaign_id: int) -> Response:
    """预检: who of the file may get one; nothing is given yet, no phone number is kept."""
    form = ListForm()
    if form.validate():
        try:
            entries = read_list(form.file.data.read())
            giving_runs.prepare_run(g.actor, campaign_id, entries, form.reason.data or "", clock.now())
            return go(url_for(".list_runs_of", campaign_id=campaign_id) + "#runs")
        except DomainError as refusal:
            if refusal.status != 422:
                raise
            form.file.errors = [refusal.message]
    return _page(campaign_id, form, 422)


@blueprint.post("/lists/<int:run_id>/<any(start, stop, drop):step>")
@access("admin")
def move_run(run_id: int, step: str) -> Response:
    campaign_id = campaign_of(run_id)
    try:
        STEPS[step](g.actor, run_id, clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(campaign_id, ListForm(formdata=None), 422, refusal.message)
    return go(url_for(".list_runs_of", campaign_id=campaign_id) + "#runs")


def _page(campaign_id: int, form: ListForm, status: int = 200, problem: str = "") -> Any:
    runs = list_runs(campaign_id)
    return render(
        "coupons/admin/lists.html",
        "coupons/admin/_runs.html" if status == 200 and request.method == "GET" else None,
        status=status,
        campaign=admin.get_campaign(campaign_id, clock.now()),
        runs=runs,
        busy=any(run.word == "发放中" for run in runs),
        form=form,
        problem=problem,
    )
