"""Pages of the leads: `asking` the forms, `own` the person's requests, `store` the staff's phone."""

from flask import Blueprint, Flask

from app.core.web import settings
from app.leads.queries.own import count_own
from app.leads.queries.store import count_todo

blueprint = Blueprint("leads", __name__)


def secret() -> str:
    """What addresses are digested with."""
    return settings().secret_key.get_secret_value()


def register(app: Flask) -> None:
    """Called once by the factory: what the cells of 我的 and of the staff's home say."""
    app.jinja_env.globals.update(answered_enquiries=count_own, waiting_leads=count_todo)


from app.leads.views import asking, own, store  # noqa: E402, F401
