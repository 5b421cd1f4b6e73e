"""试驾 for headquarters: what every store lends and how it goes, and the coupon for stores that chose none."""

from typing import Any

from flask import Blueprint, Flask, g, url_for

from app.core import backoffice, clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.drives.forms import ThanksForm
from app.drives.queries import overview
from app.drives.queries.cars import find_headquarters
from app.drives.services import cars

blueprint = Blueprint("drives_admin", __name__, url_prefix="/admin")


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "交易", "试驾", "drives_admin.show_overview", "drives")


@blueprint.get("/test-drives")
@access("admin")
def show_overview() -> Any:
    row = find_headquarters()
    return _page(_form(formdata=None, thanks_slug=row.thanks_slug if row else ""))


@blueprint.post("/test-drives/thanks")
@access("admin")
def save_thanks() -> Any:
    form = _form()
    if form.validate():
        try:
            cars.save_headquarters(g.actor, form.thanks_slug.data or "", clock.now())
        except DomainError as refusal:
            if refusal.status != 422:
                raise
            form.thanks_slug.errors = [refusal.message]
        else:
            return go(url_for("drives_admin.show_overview"))
    return _page(form, 422)


def _form(**given: object) -> ThanksForm:
    form = ThanksForm(**given)  # pyright: ignore[reportArgumentType]
    form.thanks_slug.choices = [("", "不送券，也不承诺"), *overview.list_thanks(clock.now())]
    return form


def _page(form: ThanksForm, status: int = 200) -> Any:
    lines = overview.list_stores(clock.now())
    return render("drives/admin/overview.html", status=status, here="drives", lines=lines, form=form)
