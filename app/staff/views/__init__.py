"""The staff's home and team (`team`), their PIN and the shared phones of the counter (`phones`)."""

from flask import Blueprint

blueprint = Blueprint("staff", __name__, url_prefix="/staff")

# The pages add their routes to the blueprint above.
from app.staff.views import phones, team  # noqa: E402, F401
