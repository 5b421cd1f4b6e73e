"""Pages of the catalog: `list`, `compare`, `series` (the model page), `media` (files of its pictures)."""

from flask import Blueprint

from app.catalog.rules import fit_words

blueprint = Blueprint("catalog", __name__)
blueprint.add_app_template_filter(fit_words, "fit_words")

# The pages add their routes to the blueprint above.
from app.catalog.views import compare, list, media, series  # noqa: E402, F401
