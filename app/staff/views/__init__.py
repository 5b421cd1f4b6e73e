"""The staff's home and team (`team`), PIN and shared phones of the counter (`phones`), who is on duty (`duty`)."""

from flask import Blueprint, Flask

blueprint = Blueprint("staff", __name__, url_prefix="/staff")

# The pages add their routes to the blueprint above.
from app.staff.views import duty, phones, team  # noqa: E402

__all__ = ["blueprint", "phones", "register", "team"]


def register(app: Flask) -> None:
    """Called once by the factory: who is on duty has an address of the store's."""
    app.register_blueprint(duty.public)
