"""Guard of the back office: an operator's own entry in the session, twelve hours long."""

from typing import Any

from flask import Flask, g, redirect, request, session, url_for

from app.admin import queries, rules
from app.admin.models import Operator
from app.core import clock
from app.core.htmx import go, wants_fragment
from app.core.security import Actor
from app.core.web import guard

KEY = "operator"


def sign_in(operator: Operator) -> None:
    """Begin a session; forms opened before it no longer count."""
    session.pop("csrf_token", None)
    session.permanent = True
    session[KEY] = [operator.id, operator.session_version, int(clock.now().timestamp())]


def sign_out() -> None:
    """End the operator's session; a member signed in beside it stays."""
    session.pop(KEY, None)
    session.pop("csrf_token", None)


def current_operator() -> Operator | None:
    """The operator of this request: right version, signed in less than twelve hours ago."""
    entry = session.get(KEY)
    if not isinstance(entry, list) or len(entry) != 3:
        return None
    operator_id, version, since = entry
    operator = queries.find_operator(operator_id)
    if operator is None or operator.session_version != version:
        return None
    return operator if clock.now().timestamp() - since < rules.SESSION_LIFE.total_seconds() else None


def require_operator() -> Any:
    """Lets an operator pass as `g.operator`, `g.actor`; sends everybody else to the login."""
    g.private = True
    operator = current_operator()
    if operator is None:
        reading = request.method in {"GET", "HEAD"} and not wants_fragment()
        login = url_for("admin.start_login", next=request.full_path.rstrip("?") if reading else None)
        return redirect(login, 302) if reading else go(login)
    g.operator = operator
    g.actor = Actor("operator", operator.id)
    return None


def register(app: Flask) -> None:
    """Called once by the factory."""
    guard("admin", require_operator)
