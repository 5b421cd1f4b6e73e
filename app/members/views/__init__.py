"""Pages of the members: `login`, `phone`, `profile` (picture, name, joining accounts), `privacy`."""

from typing import Any

from flask import Blueprint

from app.core.web import settings
from app.members import queries

blueprint = Blueprint("members", __name__)


def secret() -> str:
    """What codes, trips and digests are keyed with."""
    return settings().secret_key.get_secret_value()


@blueprint.app_context_processor
def _avatar() -> dict[str, Any]:
    """`has_avatar(member_id)` for 我的."""
    return {"has_avatar": lambda member_id: queries.find_avatar(member_id) is not None}


# The pages add their routes to the blueprint above.
from app.members.views import login, phone, privacy, profile  # noqa: E402, F401
