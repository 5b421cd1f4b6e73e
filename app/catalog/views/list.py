"""选车: the list of series."""

from urllib.parse import urlencode

from flask import Response, request

from app.catalog import queries
from app.catalog.rules import BodyClass, Energy
from app.catalog.views import blueprint
from app.core.caching import cached_page
from app.core.htmx import render
from app.core.security import access


@blueprint.get("/series")
@access("public")
@cached_page("energy", "class")
def list_series() -> Response:
    """选车: every series, narrowed by energy and class; what is not one of ours is ignored."""
    energy = _choice(request.args.get("energy"), Energy)
    body_class = _choice(request.args.get("class"), BodyClass)
    everything = queries.list_series()
    shown = [c for c in everything if energy in (None, c.energy) and body_class in (None, c.body_class)]
    return render(
        "catalog/list.html",
        cards=shown,
        energies=_filters([c.energy for c in everything], "energy", energy, {"class": body_class}),
        classes=_filters([c.body_class for c in everything], "class", body_class, {"energy": energy}),
        filtered=bool(energy or body_class),
    )


def _choice(value: str | None, words: type[Energy] | type[BodyClass]) -> str | None:
    return value if value in set(words) else None


def _filters(
    values: list[str], name: str, current: str | None, others: dict[str, str | None]
) -> list[tuple[str, str, int, bool]]:
    """(word, address, count, chosen) of each value that occurs; choosing the chosen one again drops it."""
    kept = {k: v for k, v in others.items() if v}
    rows: list[tuple[str, str, int, bool]] = []
    for word in dict.fromkeys(values):
        chosen = word == current
        arguments = kept if chosen else {**kept, name: word}
        rows.append((word, "/series" + (f"?{urlencode(arguments)}" if arguments else ""), values.count(word), chosen))
    return rows
