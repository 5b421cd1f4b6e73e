"""Pages of the catalog: the list, the model page, and the files of its pictures."""

import re
from pathlib import Path
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, request, send_from_directory

from app.catalog import queries
from app.catalog.errors import SeriesNotFound
from app.catalog.rules import BodyClass, Energy, fit_words
from app.core.caching import forever, public
from app.core.htmx import render
from app.core.security import access
from app.core.web import settings

blueprint = Blueprint("catalog", __name__)
blueprint.add_app_template_filter(fit_words, "fit_words")

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"\d{2,5}\.webp")


@blueprint.get("/series")
@access("public")
def list_series() -> Response:
    """选车: every series, narrowed by energy and class; what is not one of ours is ignored."""
    energy = _choice(request.args.get("energy"), Energy)
    body_class = _choice(request.args.get("class"), BodyClass)
    everything = queries.list_series()
    shown = [c for c in everything if energy in (None, c.energy) and body_class in (None, c.body_class)]
    return public(
        render(
            "catalog/list.html",
            cards=shown,
            energies=_filters([c.energy for c in everything], "energy", energy, {"class": body_class}),
            classes=_filters([c.body_class for c in everything], "class", body_class, {"energy": energy}),
            filtered=bool(energy or body_class),
        )
    )


@blueprint.get("/series/<slug>")
@access("public")
def show_series(slug: str) -> Response:
    """车型详情; `trim` chooses whose specification is shown, `colour` the picture."""
    try:
        page = queries.get_series_page(slug, request.args.get("trim"), request.args.get("colour"))
    except SeriesNotFound as error:
        return render("catalog/gone.html", status=404, message=error.message, cards=queries.list_series()[:4])
    return public(render("catalog/series.html", page=page, address=_address))


@blueprint.get("/media/<digest>/<name>")
@access("public")
def show_picture(digest: str, name: str) -> Response:
    """One derived picture; its address changes when it does."""
    if not _DIGEST.fullmatch(digest) or not _FILE.fullmatch(name):
        abort(404)
    folder = Path(settings().media_path).resolve() / digest
    return forever(send_from_directory(folder, name, mimetype="image/webp"))


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


def _address(slug: str, **arguments: str | None) -> str:
    """The model page with these choices, without empty ones."""
    given = {k: v for k, v in arguments.items() if v}
    return f"/series/{slug}" + (f"?{urlencode(given)}" if given else "")
