"""Pages of the counter: `counter` (scan → preview → confirm → result), `lists` (today, search, file), `gifts`."""

from flask import Blueprint

blueprint = Blueprint("redemption", __name__)

# The pages add their routes to the blueprint above.
from app.redemption.views import counter, gifts, lists  # noqa: E402, F401
