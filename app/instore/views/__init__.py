"""Pages of the room: `landing` for whoever scans, `calls` both sides of a call, `scan` the shopper's own scanner,
`codes` and `sheets` for the store that stands them, `traffic` what came of them."""

from flask import Blueprint

blueprint = Blueprint("instore", __name__)

# The pages add their routes to the blueprint above.
from app.instore.views import calls, codes, landing, scan, sheets, traffic  # noqa: E402, F401
