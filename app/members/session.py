"""Who is signed in: Flask-Login on the signed session cookie, and the guard of every page that needs a member."""

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, g, redirect, request, session, url_for
from flask.wrappers import Response
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy import Executable

from app.core import clock, ids
from app.core.htmx import go, wants_fragment
from app.core.security import Actor, constant_time_equal, fingerprint
from app.core.web import guard, settings
from app.members import privacy, queries, rules
from app.members.models import Member
from app.members.services import erase_own, login, reassign_own

DAY_SECONDS = 86400
_SEEN = "seen"
_KEY, _DEVICE, _TYPED = "sid", "device", "typed_here"


class SignedIn(UserMixin):
    """A member in Flask-Login's eyes. The version in the id ends every session when it goes up."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self._id = f"m:{member.id}:{member.session_version}"

    def get_id(self) -> str:
        return self._id


class _SessionOnly(LoginManager):
    """No remember cookie: the session itself lasts. Its hook would touch the session, and so cookies, of every page."""

    def _update_remember_cookie(self, response: Any) -> Any:
        return response

    def _session_protection_failed(self) -> bool:
        """Off (see below): nothing to compare, so no hash of address and user agent for every request."""
        return False


login_manager = _SessionOnly()
# The hash of address and user agent that "basic" and "strong" compare changes when a phone leaves the Wi-Fi.
login_manager.session_protection = None  # pyright: ignore[reportAttributeAccessIssue]


@login_manager.user_loader
def load_signed_in(session_id: str) -> SignedIn | None:
    named = _read_id(session_id)
    if named is None:
        return None
    found = queries.find_signed_in(*named, session.get(_KEY, ""), g.get("ask_beside"))
    if found is None:
        return None
    member, g.found_beside = found
    return SignedIn(member)


def _read_id(session_id: str) -> tuple[int, int] | None:
    """The member and the version of its sessions that a session names."""
    kind, _, rest = session_id.partition(":")
    member_id, _, version = rest.partition(":")
    return (int(member_id), int(version)) if kind == "m" and member_id.isdecimal() and version.isdecimal() else None


def claimed_member_id() -> int | None:
    """The member whose session this is, not asked whether it still holds: for answers that are no secret."""
    named = _read_id(str(session.get("_user_id", "")))
    return named[0] if named else None


def current_member() -> Member | None:
    """The member of this request, or None. Asking touches the session: not on pages that are the same for everyone."""
    user: Any = current_user
    return user.member if user.is_authenticated else None


def sign_in(member: Member) -> None:
    """Begin a session: everything of the former one goes, its CSRF token too, but for what says which browser it is."""
    device_key()
    kept = {name: session[name] for name in (_DEVICE, _TYPED) if name in session}
    session.clear()
    session.permanent = True
    session.update(kept)
    session[_KEY] = ids.token(16)
    session[_SEEN] = int(clock.now().timestamp())
    login_user(SignedIn(member))


def sign_out() -> None:
    """End the session of this browser, and with it every copy of its cookie."""
    member = current_member()
    if member is not None:
        login.end_session(member.id, str(session.get(_KEY, "")), clock.now())
    device = session.get(_DEVICE)
    logout_user()
    session.clear()
    if device:
        session[_DEVICE] = device


def device_key() -> str:
    """This browser, for counting what it asks for; it stays through logins and says nothing about the person."""
    if _DEVICE not in session:
        session[_DEVICE] = ids.token(16)
    return str(session[_DEVICE])


def mark_typed(form: str, number: str) -> None:
    """Remember that this very browser typed this number into this form; the number itself is not kept here."""
    session[_TYPED] = _typed(form, number)


def was_typed_here(form: str, number: str) -> bool:
    """Whether it was: a number that another browser typed is nobody's to read here, whoever knows the form."""
    return constant_time_equal(str(session.get(_TYPED, "")), _typed(form, number))


def _typed(form: str, number: str) -> str:
    return fingerprint(settings().secret_key.get_secret_value(), "typed-here", f"{form}:{number}")


def require_member(beside: Executable | None = None) -> Any:
    """Guard `member`: lets a signed-in member pass as `g.member`, `g.actor`; sends everybody else to the login.

    A guard above asks its own by the same statement (`queries.signed_in_beside`) and finds it as `g.found_beside`,
    empty where the member was known before.
    """
    g.private, g.ask_beside = True, beside
    member = current_member()
    if member is None:
        return send_to_login()
    g.member = member
    g.actor = Actor("member", member.id)
    _stay_signed_in()
    return None


def _stay_signed_in() -> None:
    """Thirty days from the last visit: the cookie is renewed once a day, not with every answer."""
    now = int(clock.now().timestamp())
    if now - int(session.get(_SEEN, 0)) > DAY_SECONDS:
        session[_SEEN] = now


def send_to_login() -> Response | Any:
    """To the WeChat login and back: to this page, or after a write to the page it was sent from."""
    if is_guess():
        return Response(status=503, headers={"Cache-Control": "no-store"})
    came_from = referring_path()
    reading = request.method in {"GET", "HEAD"}
    if reading and not wants_fragment():
        here = rules.local_path(request.full_path.rstrip("?")) or "/"
        return redirect(login_url(here, came_from), 302)
    return go(login_url(came_from, came_from))


def is_guess() -> bool:
    """Whether a browser only fetches ahead. A login it began would take the place of the one that a tap begins.

    Browsers ask that such a request be refused with 503; the tap then asks anew.
    """
    return request.headers.get("Sec-Purpose", "").startswith("prefetch")


def login_url(next_path: str, back_path: str = "/") -> str:
    return url_for("members.start_login", next=next_path, back=back_path if back_path != "/" else None)


def referring_path() -> str:
    """The path of this shop's page that the request came from, or the home page."""
    address = request.headers.get("HX-Current-URL") or request.referrer or ""
    parts = urlsplit(address)
    if parts.netloc != request.host:
        return "/"
    return rules.local_path(parts.path + (f"?{parts.query}" if parts.query else "")) or "/"


def register(app: Flask) -> None:
    """Called once by the factory."""
    # Public pages must not set cookies; see _stay_signed_in for how sessions last.
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    login_manager.init_app(app, add_context_processor=False)
    guard("member", require_member)
    privacy.register(
        "members",
        export=queries.export_own,
        erase=erase_own,
        reassign=reassign_own,
        keeps="同意与撤回的记录（不含姓名、手机号和微信身份）会保留，用来证明当时征得过同意。",
    )
