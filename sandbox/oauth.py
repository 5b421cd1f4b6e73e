"""网页授权: the authorize page with its chooser, and the code, token and profile APIs behind it."""

import re
import time
from sqlite3 import Row
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox import constants, followers
from sandbox.answers import answer, refuse
from sandbox.world import World, add_person, derive, find_person, list_people, world

blueprint = Blueprint("oauth", __name__)
COOKIE = "wechat_sandbox_person"
# Cookies ignore the port: the paths keep this one away from a shop on the same host.
REMEMBERED_AT = ("/connect", "/sim/dialog")
ORDER = re.compile(r"^appid=[^&]*&redirect_uri=[^&]*&response_type=[^&]*&scope=[^&]*(&state=[^&]*)?(&[^&]+)*$")
STATE = re.compile(r"^[0-9A-Za-z]{0,128}$")
REFRESH_LIFETIME_S = 30 * 86400
MODES = {
    "normal": "正常",
    "double": "回调被请求两次",
    "snapshot": "快照页用户",
    "slow": "很慢（3 秒）",
    "expired": "给一个已过期的 code",
}


@blueprint.get("/connect/oauth2/authorize")
def authorize() -> BaseResponse:
    """Silent return for snsapi_base when this browser has chosen a person, else the chooser."""
    here = world()
    if problem := _problem(here):
        return _problem_page(here, problem)
    person = find_person(here, request.cookies.get(COOKIE, ""))
    # A follower who enters from the account's chat or menu is not asked for the profile either.
    if person and (request.args["scope"] == "snsapi_base" or _silent(here, person)):
        return _back(here, person, "normal")
    return make_response(_chooser(here, person))


@blueprint.post("/connect/oauth2/authorize")
def decide() -> BaseResponse:
    """The person's choice: allow, refuse, or add somebody first."""
    here, form = world(), request.form
    if problem := _problem(here):
        return _problem_page(here, problem)
    if form.get("action") == "refuse":
        here.store.log("oauth", action="refuse")
        return redirect(_callback_url({}), 302)
    if form.get("action") == "add":
        nickname = form.get("nickname", "").strip()[:20]
        if not nickname:
            return make_response(_chooser(here, None, "请先填一个名字。"), 422)
        person = find_person(here, add_person(here, nickname, note="自己添加"))
        return _remembering(make_response(_chooser(here, person)), person)
    person = find_person(here, form.get("person", ""))
    if person is None:
        return make_response(_chooser(here, None, "请先选一个人。"), 422)
    mode = form.get("mode", "normal")
    return _remembering(_back(here, person, mode if mode in MODES else "normal"), person)


@blueprint.post("/connect/forget")
def forget() -> BaseResponse:
    """This browser is nobody again; the next login asks."""
    response = redirect("/", 303)
    for path in REMEMBERED_AT:
        response.delete_cookie(COOKIE, path=path)
    return response


@blueprint.get("/sns/oauth2/access_token")
def access_token() -> Response:
    """Exchange a code once, within five minutes."""
    here, values = world(), request.args
    if values.get("appid") != constants.APP_ID:
        return refuse(40013)
    if values.get("secret") != here.keys.app_secret:
        return refuse(40125)
    if values.get("grant_type") != "authorization_code":
        return refuse(40002)
    if not values.get("code"):
        return refuse(41008)
    with here.store.transaction():
        row = here.store.one("SELECT * FROM codes WHERE code = ?", values["code"])
        if row is None:
            return refuse(40029)
        if row["used_at"] is not None:
            return refuse(40163)
        if row["created_at"] + constants.CODE_LIFETIME_S <= here.now():
            return refuse(40029)
        here.store.execute("UPDATE codes SET used_at = ? WHERE code = ?", here.now(), row["code"])
        data = _grant(here, row["openid"], row["scope"], snapshot=row["mode"] == "snapshot")
    here.store.log("oauth", action="exchange", mode=row["mode"])
    if row["mode"] == "slow":
        time.sleep(1)
    return answer(**data)


@blueprint.get("/sns/oauth2/refresh_token")
def refresh_token() -> Response:
    """A new access_token for a refresh_token of the last thirty days."""
    here, values = world(), request.args
    if values.get("appid") != constants.APP_ID:
        return refuse(40013)
    if values.get("grant_type") != "refresh_token":
        return refuse(40002)
    row = here.store.one(
        "SELECT * FROM user_tokens WHERE refresh_token = ? AND created_at > ? ORDER BY rowid DESC",
        values.get("refresh_token", ""),
        here.now() - REFRESH_LIFETIME_S,
    )
    if row is None:
        return refuse(40030)
    access = here.word("user_token", 89)
    here.store.insert(
        "user_tokens",
        access_token=access,
        refresh_token=row["refresh_token"],
        openid=row["openid"],
        scope=row["scope"],
        snapshot=row["snapshot"],
        created_at=here.now(),
    )
    return answer(
        access_token=access,
        expires_in=constants.TOKEN_LIFETIME_S,
        refresh_token=row["refresh_token"],
        openid=row["openid"],
        scope=row["scope"],
    )


@blueprint.get("/sns/auth")
def check_token() -> Response:
    """errcode 0 while the person's token lives."""
    here = world()
    row, problem = _person_token(here)
    if row is None:
        return refuse(problem)
    return answer(errcode=0, errmsg="ok")


@blueprint.get("/sns/userinfo")
def user_info() -> Response:
    """Nickname and picture, for snsapi_userinfo only and never for a snapshot user."""
    here = world()
    row, problem = _person_token(here)
    if row is None:
        return refuse(problem)
    person = find_person(here, row["openid"])
    if row["snapshot"] or row["scope"] != "snsapi_userinfo" or person is None:
        return refuse(48001)
    return answer(
        openid=person["openid"],
        nickname=person["nickname"],
        sex=0,
        language="",
        city="",
        province="",
        country="",
        headimgurl=f"{here.settings.public_url}/sim/avatar/{person['openid']}.svg",
        privilege=[],
        unionid=person["unionid"],
    )


def _silent(here: World, person: Row) -> bool:
    if request.args.get("forcePopup") == "true" or not here.store.get_meta("from_chat"):
        return False
    return bool(followers.state(here, person["openid"])["subscribed"])


def _problem(here: World) -> tuple[str, int | str] | None:
    query, values = request.query_string.decode("latin-1"), request.args
    if not ORDER.match(query):
        return "参数缺失或顺序不对，应为 appid、redirect_uri、response_type、scope、state", "链接错误"
    if values["appid"] != constants.APP_ID:
        return "appid 参数错误", 40013
    if not here.settings.allows(values["redirect_uri"]):
        return "redirect_uri 域名与后台配置不一致", 10003
    if values["response_type"] != "code":
        return "response_type 参数错误，应为 code", "链接错误"
    if values["scope"] not in {"snsapi_base", "snsapi_userinfo"}:
        return "Scope 参数错误或没有 Scope 权限", 10005
    if here.store.get_meta("scope_denied"):
        return "该公众号没有这个 Scope 的权限（未认证或不是服务号）", 10005
    if not STATE.match(values.get("state", "")):
        return "state 只能是字母和数字，最多 128 字节", "链接错误"
    return None


def _problem_page(here: World, problem: tuple[str, int | str]) -> BaseResponse:
    here.store.log("oauth", action="error", code=problem[1])
    return make_response(render_template("oauth_error.html", text=problem[0], code=problem[1]), 400)


def _chooser(here: World, person: Row | None, message: str = "") -> str:
    people = list_people(here)
    return render_template(
        "authorize.html",
        people=people,
        chosen=person["openid"] if person else people[0]["openid"],
        profile=request.args["scope"] == "snsapi_userinfo",
        modes=MODES,
        message=message,
        query=request.query_string.decode("latin-1"),
    )


def _back(here: World, person: Row, mode: str) -> BaseResponse:
    now = here.now()
    code = here.word("code", 32)
    if followers.state(here, person["openid"])["snapshot"]:
        mode = "snapshot"
    planned = here.store.get_meta("next_oauth")
    if planned:
        here.store.set_meta("next_oauth", None)
        mode = planned
    here.store.insert(
        "codes",
        code=code,
        openid=person["openid"],
        scope=request.args["scope"],
        mode=mode,
        created_at=now - 2 * constants.CODE_LIFETIME_S if mode == "expired" else now,
    )
    here.store.log("oauth", action="allow", person=person["nickname"], mode=mode)
    url = _callback_url({"code": code})
    if mode == "slow":
        time.sleep(3)
    if mode == "double":
        return make_response(render_template("twice.html", url=url))
    return redirect(url, 302)


def _callback_url(extra: dict[str, str]) -> str:
    target = request.args["redirect_uri"].split("#", 1)[0]
    if "state" in request.args:
        extra = {**extra, "state": request.args["state"]}
    return target + ("&" if "?" in target else "?") + urlencode(extra)


def _remembering(response: BaseResponse, person: Row | None) -> BaseResponse:
    if person is not None:
        for path in REMEMBERED_AT:
            response.set_cookie(COOKIE, person["openid"], path=path, httponly=True, samesite="Lax", max_age=30 * 86400)
    return response


def _grant(here: World, openid: str, scope: str, *, snapshot: bool) -> dict[str, object]:
    """Token data of the documented answer; a snapshot user gets a virtual openid and unionid."""
    unionid = derive(here.seed, f"unionid:{openid}", 27)
    if snapshot:
        openid = "o" + here.word("snapshot", 27)
        unionid = derive(here.seed, f"unionid:{openid}", 27)
    access, refresh = here.word("user_token", 89), here.word("user_token", 89)
    here.store.insert(
        "user_tokens",
        access_token=access,
        refresh_token=refresh,
        openid=openid,
        scope=scope,
        snapshot=int(snapshot),
        created_at=here.now(),
    )
    data: dict[str, object] = {
        "access_token": access,
        "expires_in": constants.TOKEN_LIFETIME_S,
        "refresh_token": refresh,
        "openid": openid,
        "scope": scope,
        "unionid": f"o{unionid}",
    }
    return {**data, "is_snapshotuser": 1} if snapshot else data


def _person_token(here: World) -> tuple[Row | None, int]:
    value = request.args.get("access_token", "")
    if not value:
        return None, 41001
    row = here.store.one("SELECT * FROM user_tokens WHERE access_token = ?", value)
    if row is None:
        return None, 40001
    if row["created_at"] + constants.TOKEN_LIFETIME_S <= here.now():
        return None, 42001
    if row["openid"] != request.args.get("openid", ""):
        return None, 40003
    return row, 0
