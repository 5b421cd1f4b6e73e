"""到访记录: what is written down when somebody scans a store's code, and the way to say no to it."""

from flask import Blueprint, Response, g, request, url_for

from app.core.htmx import go, render
from app.core.security import access
from app.visits import session

blueprint = Blueprint("visits", __name__)


@blueprint.get("/visits")
@access("public")
def show_own() -> Response:
    """What this browser carries, in words."""
    g.private = True
    return render(
        "visits/own.html",
        refused=session.has_refused(request),
        asked_not_to=request.headers.get("Sec-GPC") == "1" or request.headers.get("DNT") == "1",
        touch=session.touch(request),
    )


@blueprint.post("/visits")
@access("public")
def choose() -> Response:
    """不再记录, or again."""
    response = go(url_for("visits.show_own"))
    return session.allow(response) if request.form.get("count") == "yes" else session.refuse(response)
