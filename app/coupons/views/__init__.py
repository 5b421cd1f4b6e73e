"""Pages of the coupons: `centre` for everybody, `claim` (the form), `shake`, `wish`, `draw` (the games), `wallet`."""

from typing import Any

from flask import Blueprint

from app.core import clock
from app.coupons import queries

blueprint = Blueprint("coupons", __name__)


@blueprint.app_context_processor
def _wallet() -> dict[str, Any]:
    """`ready_coupons(member_id)` for 我的; `say(moment)`."""
    return {"say": clock.say, "ready_coupons": lambda member_id: queries.count_ready(member_id, clock.now())}


# The pages add their routes to the blueprint above.
from app.coupons.views import centre, claim, draw, draw_payment, preview, shake, wallet, wish  # noqa: E402, F401
