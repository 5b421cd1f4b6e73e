"""对比: two to four trims side by side. The address is the comparison, so it can be shared."""

from flask import Response, request

from app.catalog import queries
from app.catalog.comparing import MOST, Pick, read_pick
from app.catalog.views import blueprint
from app.core.caching import cached_page
from app.core.htmx import render
from app.core.security import access


def _asked() -> Pick:
    return read_pick(request.args.getlist("trims"), request.args.get("diff", ""), request.args.get("at", ""))


@blueprint.get("/compare")
@access("public")
@cached_page("trims", "diff", "at", key=_asked)
def compare() -> Response:
    """对比; one, five, unknown or repeated 编号 give a page that says how to go on."""
    page = queries.get_compare_page(_asked())
    return render("catalog/compare.html", page=page, pick=page.pick, most=MOST)
