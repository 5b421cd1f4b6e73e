"""搜索: the page, and its results while one types."""

from flask import Blueprint, Response, request

from app.core import clock
from app.core.caching import cached_page, good_until
from app.core.htmx import render
from app.core.security import access
from app.search import queries
from app.search.rules import Query, read_query

blueprint = Blueprint("search", __name__)


def _asked() -> tuple[Query, bool]:
    """The query, and whether something was typed that holds no letter."""
    typed = request.args.get("q", "")
    query = read_query(typed)
    return query, bool(typed.strip()) and not query.words


@blueprint.get("/search")
@access("public")
@cached_page("q", key=_asked)
def search() -> Response:
    """搜索; a query of 2,000 letters or of emoji gets one sentence."""
    query, wordless = _asked()
    results = queries.search(query, clock.now())
    good_until(results.until)
    return render("search/search.html", "search/_found.html", results=results, query=query, wordless=wordless)
