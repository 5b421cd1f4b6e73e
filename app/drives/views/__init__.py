"""Pages of the test drives: `choose` for everybody, `book` (the form), `own` (one's own), `steps` (what one does in the
store); `desk` and `cars` are the staff's."""

from typing import Any

from flask import Blueprint

from app.core import clock
from app.drives.queries.own import count_open

blueprint = Blueprint("drives", __name__)


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {"open_drives": count_open, "say": clock.say}


# The pages add their routes to the blueprint above.
from app.drives.views import book, cars, choose, desk, own, steps  # noqa: E402, F401
