"""选车: the list of series. The address is the state; the form, its links and its fragments all say it."""

from flask import Response, make_response, render_template, request

from app.catalog import queries
from app.catalog.facets import BY_NAME, MAX_PAGE, PARAMETERS, SORTS, Choice, read_choice
from app.catalog.views import blueprint
from app.core.caching import cached_page
from app.core.htmx import render, wants_fragment
from app.core.security import access

PAGE = 12
# The phone's sheets: (name, word, facets in it).
SHEETS = (
    ("price", "价格", ("price",)),
    ("class", "级别", ("class",)),
    ("energy", "能源", ("energy",)),
    ("more", "更多", ("seats", "range")),
)


def _asked() -> tuple[Choice, bool]:
    """What the address comes down to, and whether the next page alone is wanted."""
    return read_choice(request.args.getlist), wants_fragment() and request.args.get("more") == "1"


@blueprint.get("/series")
@access("public")
@cached_page(*PARAMETERS, key=_asked)
def list_series() -> Response:
    """选车, narrowed and sorted; `page=n` shows the pages 1 to n, of which htmx fetches the next one by `more=1`."""
    choice, more = _asked()
    index = queries.get_lineup().facets
    found = index.order(index.match(choice), choice.sort)
    pages = max(1, -(-len(found) // PAGE))
    page = min(choice.page, pages)
    first = (page - 1) * PAGE if more else 0
    shown = [index.cars[place] for place in found[first : page * PAGE]]
    context = {
        "cars": shown,
        "first": first,
        "step": PAGE,
        "total": len(found),
        "choice": choice,
        "next": choice.at(page + 1).address if page < min(pages, MAX_PAGE) else None,
        "hidden": max(0, len(found) - page * PAGE),
    }
    if more:
        response = make_response(render_template("catalog/_more.html", **context))
        response.headers["HX-Replace-Url"] = choice.at(page).address
        response.vary.add("HX-Request")
        return response
    return render(
        "catalog/list.html",
        "catalog/_list.html",
        **context,
        facets=index.counts(choice),
        sorts=[(text, choice.sorted_by(sort).address, sort == choice.sort) for sort, text in SORTS.items()],
        bar=[(sheet, text, sum(len(choice.of(name)) for name in names)) for sheet, text, names in SHEETS],
        labels={name: facet.text for name, facet in BY_NAME.items()},
        ways=index.ways_out(choice) if not found else [],
        oob=wants_fragment(),
    )
