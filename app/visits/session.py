"""The cookie `src`: which visits brought this browser here, or that it does not want to be counted."""

from flask import Request, Response

from app.core import clock
from app.core.web import settings
from app.visits.rules import LIFE, Touch, is_robot, pack, unpack

COOKIE = "src"
OFF = "off"
OFF_SECONDS = 365 * 86400


def touch(request: Request) -> Touch | None:
    """The touch this browser carries, if it is ours and no older than seven days. Touches no session."""
    value = request.cookies.get(COOKIE, "")
    return unpack(value, _secret(), clock.now()) if value and value != OFF else None


def may_count(request: Request) -> bool:
    """Whether a visit of this browser may be written down: no program, and nobody who said no."""
    heads = request.headers
    refuses = request.cookies.get(COOKIE) == OFF or heads.get("Sec-GPC") == "1" or heads.get("DNT") == "1"
    return not refuses and not is_robot(heads.get("User-Agent", ""))


def has_refused(request: Request) -> bool:
    """Whether this browser was told on our page not to be counted."""
    return request.cookies.get(COOKIE) == OFF


def keep(response: Response, carried: Touch) -> Response:
    """Let the browser carry it for seven days from its last visit."""
    return _set(response, pack(carried, _secret()), int(LIFE.total_seconds()))


def refuse(response: Response) -> Response:
    """From now on this browser is not counted, and what it carried is gone."""
    return _set(response, OFF, OFF_SECONDS)


def allow(response: Response) -> Response:
    """Count it again, beginning anew."""
    response.delete_cookie(COOKIE, path="/")
    return response


def _set(response: Response, value: str, seconds: int) -> Response:
    response.set_cookie(
        COOKIE, value, max_age=seconds, httponly=True, samesite="Lax", secure=settings().production, path="/"
    )
    return response


def _secret() -> str:
    return settings().secret_key.get_secret_value()
