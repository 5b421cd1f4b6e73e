"""车型详情: the model page."""

from urllib.parse import urlencode

from flask import Response, request

from app.catalog import queries
from app.catalog.errors import SeriesNotFound
from app.catalog.views import blueprint
from app.core.caching import public
from app.core.htmx import render
from app.core.security import access


@blueprint.get("/series/<slug>")
@access("public")
def show_series(slug: str) -> Response:
    """车型详情; `trim` chooses whose specification is shown, `colour` the picture."""
    try:
        page = queries.get_series_page(slug, request.args.get("trim"), request.args.get("colour"))
    except SeriesNotFound as error:
        return render("catalog/gone.html", status=404, message=error.message, cards=queries.list_series()[:4])
    return public(render("catalog/series.html", page=page, address=_address))


def _address(slug: str, **arguments: str | None) -> str:
    """The model page with these choices, without empty ones."""
    given = {k: v for k, v in arguments.items() if v}
    return f"/series/{slug}" + (f"?{urlencode(given)}" if given else "")
