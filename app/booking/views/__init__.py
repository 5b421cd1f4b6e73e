"""Pages of the bookings: `deals` and `reviews` for everybody, `place` (the form), `cashier`, `own` (one's own),
`queue`; `store` and `board` are the staff's."""

from typing import Any

from flask import Blueprint

from app.booking.rules import DealPhase
from app.core import clock

blueprint = Blueprint("booking", __name__)


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {"say": clock.say, "DealPhase": DealPhase}


# The pages add their routes to the blueprint above.
from app.booking.views import alter, board, cashier, coupons, deals, own, place, queue, reviews, store  # noqa: E402, F401
