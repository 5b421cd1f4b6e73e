"""Guard of the staff pages: a signed-in member who acts for a store at this moment."""

from typing import Any, cast

from flask import Flask, g, make_response, render_template

from app.core.htmx import toast, wants_fragment
from app.core.security import Actor
from app.core.web import guard
from app.members.session import require_member
from app.staff import queries
from app.staff.errors import NotStaff
from app.staff.models import StaffMember


def current_staff() -> StaffMember:
    """Who acts, on a page of level `staff`."""
    return cast(StaffMember, g.staff)


def require_staff() -> Any:
    """Lets active staff pass as `g.staff`, `g.actor`; looked up each time, so a dismissed person is out at once."""
    answer = require_member()
    if answer is not None:
        return answer
    staff = queries.find_active(g.member.id)
    if staff is None:
        return _no_access()
    g.staff = staff
    g.actor = Actor("staff", staff.id, staff.role, staff.dealer_id)
    return None


def _no_access() -> Any:
    if wants_fragment():
        response = make_response("", 403)
        response.headers["HX-Reswap"] = "none"
        return toast(response, NotStaff.message, "err")
    return make_response(render_template("staff/no_access.html", message=NotStaff.message), 403)


def register(app: Flask) -> None:
    """Called once by the factory."""
    guard("staff", require_staff)
