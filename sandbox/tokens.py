"""Global access_token (plain and stable), jsapi_ticket, and their rotation with five minutes of overlap."""

import json

from flask import Blueprint, Response, request

from sandbox import constants
from sandbox.answers import answer, refuse
from sandbox.world import World, world

blueprint = Blueprint("tokens", __name__)
FORCED_GAP_S = 30
FORCED_PER_DAY = 20


@blueprint.get("/cgi-bin/token")
def token() -> Response:
    """A new token at every call; the former one stays valid for five minutes."""
    here, values = world(), request.args
    if values.get("grant_type") != "client_credential":
        return refuse(40002)
    wrong = _wrong_account(here, values.get("appid", ""), values.get("secret", ""))
    return refuse(wrong) if wrong else _token_answer(here, _issue(here, "token", 136))


@blueprint.post("/cgi-bin/stable_token")
def stable_token() -> Response:
    """The current token of the stable world, renewed five minutes before it ends or by force."""
    here = world()
    try:
        values = json.loads(request.get_data() or b"{}")
    except ValueError:
        return refuse(40097)
    if values.get("grant_type") != "client_credential":
        return refuse(40002)
    if wrong := _wrong_account(here, str(values.get("appid", "")), str(values.get("secret", ""))):
        return refuse(wrong)
    if values.get("force_refresh"):
        if limited := _forced_too_often(here):
            return refuse(limited)
        return _token_answer(here, _issue(here, "stable", 136))
    return _token_answer(here, current(here, "stable") or _issue(here, "stable", 136))


@blueprint.get("/cgi-bin/ticket/getticket")
def ticket() -> Response:
    """The jsapi_ticket of a valid access_token."""
    here = world()
    if bad := token_problem(here, request.args.get("access_token", "")):
        return refuse(bad)
    if request.args.get("type") != "jsapi":
        return refuse(40097)
    value = current(here, "ticket") or _issue(here, "ticket", 86)
    return answer(errcode=0, errmsg="ok", ticket=value, expires_in=_left(here, value))


def token_problem(here: World, value: str) -> int:
    """0 for a usable access_token, else the errcode."""
    if not value:
        return 41001
    row = here.store.one("SELECT * FROM app_tokens WHERE token = ? AND kind <> 'ticket'", value)
    if row is None:
        return 40001
    if row["expires_at"] <= here.now():
        return 42001
    return 40001 if _overtaken(here, row["replaced_at"]) else 0


def valid_tickets(here: World) -> list[str]:
    """Tickets with which a page may have been signed: the current one and its predecessor for five minutes."""
    rows = here.store.rows("SELECT * FROM app_tokens WHERE kind = 'ticket' AND expires_at > ?", here.now())
    return [row["token"] for row in rows if not _overtaken(here, row["replaced_at"])]


def current(here: World, kind: str) -> str | None:
    """The newest token of a kind that lives for more than five minutes yet."""
    row = here.store.one(
        "SELECT token FROM app_tokens WHERE kind = ? AND replaced_at IS NULL AND expires_at > ? ORDER BY rowid DESC",
        kind,
        here.now() + constants.TOKEN_OVERLAP_S,
    )
    return row["token"] if row else None


def expire_all(here: World) -> None:
    """Every token and ticket is expired now (42001 for whoever still uses one)."""
    here.store.execute("UPDATE app_tokens SET expires_at = ? WHERE expires_at > ?", here.now(), here.now())


def _issue(here: World, kind: str, length: int) -> str:
    now = here.now()
    with here.store.transaction():
        value = here.word(kind, length)
        here.store.execute("UPDATE app_tokens SET replaced_at = ? WHERE kind = ? AND replaced_at IS NULL", now, kind)
        here.store.insert(
            "app_tokens", token=value, kind=kind, created_at=now, expires_at=now + constants.TOKEN_LIFETIME_S
        )
    return value


def _left(here: World, value: str) -> int:
    row = here.store.one("SELECT expires_at FROM app_tokens WHERE token = ?", value)
    return round(row["expires_at"] - here.now()) if row else 0


def _token_answer(here: World, value: str) -> Response:
    return answer(access_token=value, expires_in=_left(here, value))


def _overtaken(here: World, replaced_at: float | None) -> bool:
    return replaced_at is not None and replaced_at + constants.TOKEN_OVERLAP_S <= here.now()


def _wrong_account(here: World, appid: str, secret: str) -> int:
    if not appid:
        return 41002
    if not secret:
        return 41004
    if appid != constants.APP_ID:
        return 40013
    return 0 if secret == here.keys.app_secret else 40125


def _forced_too_often(here: World) -> int:
    now = here.now()
    times: list[float] = [at for at in here.store.get_meta("forced", []) if at > now - 86400]
    if times and now - times[-1] < FORCED_GAP_S:
        return 45011
    if len(times) >= FORCED_PER_DAY:
        return 45009
    here.store.set_meta("forced", [*times, now])
    return 0
