"""Guard of the staff pages: a person who acts for a store at this moment, on their own phone or on a shared one."""

from typing import Any, cast

from flask import Flask, Response, g, make_response, render_template, request, session, url_for

from app.core import clock
from app.core.htmx import go, toast, wants_fragment
from app.core.security import Actor
from app.core.web import guard, settings
from app.members.models import Member
from app.members.session import require_member, sign_out
from app.staff import queries
from app.staff.errors import NotStaff, OwnPhoneOnly
from app.staff.queries import ActiveStaff, SharedPhone
from app.staff.rules import DESK_IDLE

COOKIE = "zt_desk"
COOKIE_SECONDS = 365 * 86400
RENEW_SECONDS = 15
_DESK, _LEFT = "desk", "desk_left"
IDLE = "超过 5 分钟没有操作，已自动退出。没有提交的内容没有生效，请重新选择姓名。"
PUT_OUT = "刚才的登录已失效（PIN 改过，或不再是本店人员），没有提交的内容没有生效。"


def current_staff() -> ActiveStaff:
    """Who acts, on a page of level `staff`."""
    return cast(ActiveStaff, g.staff)


def current_phone() -> SharedPhone | None:
    """The store's shared phone that made this request, if it is one."""
    if "shared_phone" not in g:
        token = request.cookies.get(COOKIE, "")
        g.shared_phone = queries.find_phone(token) if token else None
    return g.shared_phone


def current_phone_id() -> int | None:
    """Its number, for the record of a redemption."""
    phone = current_phone()
    return phone.id if phone else None


def own_phone_only() -> None:
    """For what nobody may do on a phone that colleagues pick up. OwnPhoneOnly."""
    if current_phone() is not None:
        raise OwnPhoneOnly


def is_staff_here(member: Member | None) -> bool:
    """Whether somebody acts for a store in this browser now."""
    phone = current_phone()
    if phone is not None:
        return _at_desk(phone) is not None
    return member is not None and queries.find_active(member.id) is not None


def require_staff() -> Any:
    """Lets active staff pass as `g.staff`, `g.actor`; looked up each time, so a dismissed person is out at once."""
    phone = current_phone()
    if phone is not None:
        return _require_desk(phone)
    if COOKIE in request.cookies:  # it was one: its page says why it is none any more
        return go(url_for("staff.show_desk"))
    answer = require_member(queries.BESIDE_MEMBER)
    if answer is not None:
        return answer
    found = g.get("found_beside")
    staff = queries.active_beside(found) if found else queries.find_active(g.member.id)
    if staff is None:
        return _no_access()
    _let_pass(staff)
    return None


def open_desk(staff: ActiveStaff, phone: SharedPhone) -> None:
    """From now on this person acts on the shared phone, until five minutes pass without a touch."""
    session.clear()
    stamp = int(staff.pin_set_at.timestamp()) if staff.pin_set_at else 0
    session[_DESK] = [phone.id, staff.id, stamp, int(clock.now().timestamp())]


def leave_desk() -> None:
    """Nobody acts on this shared phone."""
    session.pop(_DESK, None)


def why_left() -> str:
    """Why somebody was put out of the shared phone without asking, told once; empty when nobody was."""
    return cast(str, session.pop(_LEFT, ""))


def keep_phone(response: Response, token: str) -> Response:
    """This browser is a phone of the store; whoever was signed in on it is not any more."""
    sign_out()
    response.set_cookie(
        COOKIE,
        token,
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings().production,
        path="/",
    )
    return response


def forget_phone(response: Response) -> Response:
    """This browser is no phone of the store any more."""
    response.delete_cookie(COOKIE, path="/")
    return response


def _require_desk(phone: SharedPhone) -> Any:
    g.private = True
    staff = _at_desk(phone)
    if staff is None:
        if (desk := session.pop(_DESK, None)) is not None:
            session[_LEFT] = IDLE if _idle(desk[-1]) else PUT_OUT
        return go(url_for("staff.show_desk"))
    # Lists that ask by themselves do not keep a phone open that nobody touches.
    desk, now = session[_DESK], int(clock.now().timestamp())
    if (request.method != "GET" or not wants_fragment()) and now - desk[3] > RENEW_SECONDS:
        session[_DESK] = [*desk[:3], now]
    _let_pass(staff)
    return None


def _at_desk(phone: SharedPhone) -> ActiveStaff | None:
    desk = session.get(_DESK)
    if not isinstance(desk, list) or len(cast("list[int]", desk)) != 4:
        return None
    phone_id, staff_id, stamp, at = cast("list[int]", desk)
    if phone_id != phone.id or _idle(at):
        return None
    staff = queries.find_at_desk(staff_id, phone.dealer_id)
    if staff is None or staff.pin_set_at is None or int(staff.pin_set_at.timestamp()) != stamp:
        return None
    return staff


def _idle(at: int) -> bool:
    return clock.now().timestamp() - at > DESK_IDLE.total_seconds()


def _let_pass(staff: ActiveStaff) -> None:
    g.staff = staff
    g.actor = Actor("staff", staff.id, staff.role, staff.dealer_id, staff.member_id)


def _no_access() -> Any:
    if wants_fragment():
        response = make_response("", 403)
        response.headers["HX-Reswap"] = "none"
        return toast(response, NotStaff.message, "err")
    return make_response(render_template("staff/no_access.html", message=NotStaff.message), 403)


def register(app: Flask) -> None:
    """Called once by the factory."""
    guard("staff", require_staff)
