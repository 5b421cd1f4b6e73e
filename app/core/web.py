"""What every request passes through: request id, access, security headers, CSRF, limits, error pages."""

import importlib.util
from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, abort, current_app, g, make_response, render_template, request, session
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from jinja2 import Environment
from limits.errors import ConfigurationError
from sqlalchemy.exc import OperationalError
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from app.core import backoffice, caching, clock, ids
from app.core.assets import init_assets
from app.core.config import ROOT, Settings
from app.core.db import db
from app.core.errors import ConfigError, DomainError, GatewayError
from app.core.htmx import htmx, toast, wants_fragment
from app.core.security import VISITOR, Actor, constant_time_equal
from app.core.sessions import Sessions, secret_of_token
from app.core.statics import StaticFiles

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger(__name__)
csrf = CSRFProtect()
MAX_ID = 2**63 - 1
NUL = "\x00"
READING = {"GET", "HEAD", "OPTIONS"}
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
PROVIDERS = {"wechatpay": "支付", "sms": "短信", "wechat": "微信登录", "storage": "图片存储"}
GUARDS: dict[str, Any] = {}
REQUEST_ID = "zhanting.request_id"  # in the request's environment
F = TypeVar("F", bound=Callable[..., Any])


def caller() -> str:
    """Whom a limit counts: who is signed in, else the address. A phone network's address is shared by many people."""
    return str(session.get("_user_id") or get_remote_address())


# The storage is named by init_app: one given here would win over the settings.
limiter = Limiter(caller, default_limits=[], strategy="moving-window", in_memory_fallback_enabled=True)


def settings() -> Settings:
    """The settings of the running app, for views."""
    return cast(Settings, current_app.config["SETTINGS"])


def actor() -> Actor:
    """Who makes this request, as the guard of its route found out."""
    return cast(Actor, g.get("actor", VISITOR))


def guard(level: str, check: Any) -> None:
    """Register what decides whether a request may use routes of this level.

    `check()` returns None to let it pass (having set `g.actor`), or the response to give instead.
    """
    GUARDS[level] = check


def uploads(most: int) -> Callable[[F], F]:
    """Let a view take up to so many bytes, more than a form has; strangers are turned away before the body is read."""

    def mark(view: F) -> F:
        view.__most_bytes__ = most  # pyright: ignore[reportFunctionMemberAccess]
        return view

    return mark


def answers_early(look: Callable[..., Response | None]) -> Callable[[F], F]:
    """Let `look(**view_args)` answer a crowd that can only be refused, before CSRF, guard and form cost anything.

    It gets the view's own arguments, reads no form (that may hold anything), writes nothing, and what it says is no
    secret; None goes the ordinary way.
    """

    def mark(view: F) -> F:
        view.__early__ = look  # pyright: ignore[reportFunctionMemberAccess]
        return view

    return mark


def init_app(app: Flask, settings: Settings) -> None:
    app.config.update(
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        SESSION_COOKIE_NAME="zt",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.production,
        PERMANENT_SESSION_LIFETIME=30 * 86400,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_I18N_ENABLED=False,
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_CHECK_DEFAULT=False,
    )
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis_url or "memory://"
    app.url_map.converters["int"] = RowId
    htmx.init_app(app)
    _protect(app)
    _limit(app)
    init_assets(app)
    caching.init_app(app, settings.response_cache_bytes)
    app.extensions["csp"] = content_security_policy(settings)
    app.jinja_env.globals.update(settings=settings, clock=clock, backoffice=backoffice)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    _share_globals(app.jinja_env)
    app.before_request(_identify)
    app.before_request(_check_access)
    app.after_request(_finish)
    _register_errors(app)
    app.wsgi_app = _with_heads(app.wsgi_app, _heads(settings))  # pyright: ignore[reportAttributeAccessIssue]
    # Static addresses carry the hash of their content (core.assets), so a browser may keep them for a year.
    app.wsgi_app = StaticFiles(  # pyright: ignore[reportAttributeAccessIssue]
        app.wsgi_app, ROOT / "static", settings.assets_path, watch=not settings.production
    )
    if settings.trusted_proxies:
        n = settings.trusted_proxies
        # Every proxy adds the address it was called from; scheme and host the outermost sets and the others hand on.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=1, x_host=1)  # pyright: ignore[reportAttributeAccessIssue]


class Shop(Flask):
    """Flask with what it looks up again in every request left out: no view of this house is a coroutine."""

    session_interface = Sessions()

    def ensure_sync(self, func: F) -> F:
        return func


def _protect(app: Flask) -> None:
    """Templates find the token among their globals: the same once more for every template need not be put together."""
    kept = list(app.template_context_processors[None])
    csrf.init_app(app)
    app.template_context_processors[None] = kept
    app.jinja_env.globals["csrf_token"] = _token


def _token() -> str:
    """For a form: the token that this request proved, while the session is still the one it belongs to."""
    secret, proved = g.get("proved_token", ("", ""))
    return proved if proved and session.get("csrf_token") == secret else generate_csrf()


def _check_token() -> None:
    """Flask-WTF's own check. Most forms carry a token that was proved before: that is compared, not proved again."""
    token, secret = request.form.get("csrf_token", ""), session.get("csrf_token", "")
    if token and secret and constant_time_equal(secret_of_token(str(current_app.secret_key), token), secret):
        g.csrf_valid = True
    else:
        csrf.protect()
    if token:  # where one is, it is the one that was checked
        g.proved_token = session["csrf_token"], token


def _limit(app: Flask) -> None:
    """Count requests where a view says so.

    Limits are decorators, which look for themselves. The hooks around every request serve default limits and headers:
    there are none, and a notice must not pay for them. Notices are not counted: they come from WeChat's few addresses,
    and their signature says whether they count.
    """
    hooks: tuple[Any, ...] = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
    kept = [list(kind.get(None, [])) for kind in hooks]
    try:
        limiter.init_app(app)
    except (ConfigurationError, ValueError):
        advice = redis_advice(app.config["RATELIMIT_STORAGE_URI"])
        raise ConfigError(f"REDIS_URL 不能用：{advice}；只有一台机器时也可以删去这项设置。") from None
    for kind, functions in zip(hooks, kept, strict=True):
        kind[None] = functions


def redis_advice(url: str) -> str:
    """What to do about an address that no client could be made for, whether or not anything answers there."""
    try:
        right = urlsplit(url).scheme in {"redis", "rediss"} and bool(urlsplit(url).hostname)
    except ValueError:
        right = False
    if right and importlib.util.find_spec("redis") is None:
        return "没有安装 Python 包 redis，请在展厅的环境里安装"
    return "请写成 redis://主机:6379/0"


def _share_globals(env: Environment) -> None:
    """Give templates the environment's own globals instead of a chain of maps, which each import would walk through."""
    make = env.make_globals

    def shared(d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return make(d) if d else env.globals

    env.make_globals = shared


def _identify() -> None:
    number = g.request_id = request.environ[REQUEST_ID] = ids.token(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=number, endpoint=request.endpoint or "")


class RowId(IntegerConverter):
    """A row's number in an address; one that no database could hold names no page."""

    regex = r"\d{1,19}"

    def __init__(self, map: Map, **given: Any) -> None:
        super().__init__(map, **{"max": MAX_ID, **given})


def _check_address() -> None:
    """An address with NUL names nothing, a parameter with it is as if it were not there."""
    if NUL in request.path:
        abort(404)
    if _holds_nul(request.args):
        kept = [(name, value) for name, value in request.args.items(multi=True) if NUL not in name + value]
        request.args = ImmutableMultiDict(kept)  # pyright: ignore[reportAttributeAccessIssue]


def _check_text() -> Any:
    """No database text holds NUL: a form with it is refused by a sentence."""
    if request.mimetype in FORMS and _holds_nul(request.form):
        return _error_page(422, "您填写的内容里有无法识别的字符，请返回修改后重试。")
    return None


def _holds_nul(values: MultiDict[str, str]) -> bool:
    return any(NUL in name or NUL in value for name, value in values.items(multi=True))


def _check_access() -> Any:
    endpoint = request.endpoint
    view = current_app.view_functions.get(endpoint or "")
    if view is None or endpoint == "static":
        return None
    level = getattr(view, "__access__", None)
    if level is None:
        raise RuntimeError(f"{endpoint} does not say who may call it")
    check = GUARDS.get(level)
    if most := getattr(view, "__most_bytes__", None):
        # Whose large body is read is decided before a byte of it is.
        if check and (refusal := check()):
            return refusal
        request.max_content_length = most
    if level != "signed":
        _check_address()
    if (look := getattr(view, "__early__", None)) and (answer := look(**(request.view_args or {}))):
        return answer
    if level != "signed" and request.method not in READING:
        if refusal := _check_text():
            return refusal
        _check_token()
    return check() if check else None


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def content_security_policy(settings: Settings) -> str:
    """External scripts only, ours and WeChat's SDK; the SDK's own origin may also be called and framed."""
    sdk = origin(settings.wechat_jssdk_url)
    extra = f" {sdk}" if sdk else ""
    login = origin(settings.wechat_open_base_url)
    res2 = " https://res2.wx.qq.com" if "res.wx.qq.com" in sdk else ""
    # WeChat draws its open tags (wx-open-subscribe) in frames of its own.
    tags = " https://*.qq.com webcompt:" if res2 else ""
    return (
        f"default-src 'self'; script-src 'self'{extra}{res2}; style-src 'self'; img-src 'self' data: blob:{extra} "
        f"https://open.weixin.qq.com; font-src 'self'; connect-src 'self'{extra}; frame-src 'self'{extra}{tags}; "
        f"worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self' {login}; "
        "frame-ancestors 'none'"
    )


def _heads(settings: Settings) -> list[tuple[str, str]]:
    """What every answer says unless its view said it differently."""
    heads = [
        ("Content-Security-Policy", content_security_policy(settings)),
        ("X-Content-Type-Options", "nosniff"),
        # H5 pay needs the origin as Referer; paths stay private.
        ("Referrer-Policy", "strict-origin-when-cross-origin"),
        ("Permissions-Policy", "geolocation=(self), camera=(self), microphone=()"),
    ]
    return [*heads, ("Strict-Transport-Security", "max-age=31536000")] if settings.production else heads


def _with_heads(inner: "WSGIApplication", heads: list[tuple[str, str]]) -> "WSGIApplication":
    """Add to every answer what it does not say itself, and the request's number.

    As the last thing before the server: a response's own headers are checked and copied one by one.
    """
    named = [(name.lower(), (name, value)) for name, value in heads]

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def begin(status: str, said: list[tuple[str, str]], *failed: Any) -> Callable[[bytes], object]:
            given = {name.lower() for name, _value in said}
            said += [head for name, head in named if name not in given]
            number = environ.get(REQUEST_ID, "")
            # A page's script can read Server-Timing, and 意见反馈 passes it on.
            said += (("X-Request-Id", number), ("Server-Timing", f'r;desc="{number}"'))
            return start_response(status, said, *failed)

        return inner(environ, begin)

    return answer


def _finish(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "no-store" if g.get("private") else "no-cache")
    return response


def _error_page(status: int, message: str, *, code: str = "") -> Response:
    if wants_fragment():
        response = make_response("", status)
        response.headers["HX-Reswap"] = "none"
        return toast(response, message, "err")
    name = f"errors/{status}.html"
    known = {403, 404, 413, 419, 422, 429, 500, 503}
    page = name if status in known else "errors/422.html" if status < 500 else "errors/500.html"
    area, home = _area()
    told = {"message": message, "request_id": g.get("request_id", ""), "code": code, "status": status}
    return make_response(render_template(page, **told, area=area, **home), status)


def _area() -> tuple[str, dict[str, str]]:
    """Whose part of the house an address belongs to, and the way home there; a shopper's home needs no saying."""
    for area, action in (("staff", "返回工作台"), ("admin", "返回后台首页")):
        if request.path == f"/{area}" or request.path.startswith(f"/{area}/"):
            return area, {"href": f"/{area}", "action": action}
    return "", {}


def _register_errors(app: Flask) -> None:
    @app.errorhandler(DomainError)
    def domain(error: DomainError) -> Response:  # pyright: ignore[reportUnusedFunction]
        log.info("refused", code_name=error.code, status=error.status)
        return _error_page(error.status, error.message, code=error.code)

    @app.errorhandler(GatewayError)
    def gateway(error: GatewayError) -> Response:  # pyright: ignore[reportUnusedFunction]
        log.warning("gateway_failed", provider=error.provider, provider_error=error.code, detail=error.detail[:200])
        return _error_page(503, f"{PROVIDERS.get(error.provider, '服务')}暂时不可用，请稍后再试。")

    @app.errorhandler(CSRFError)
    def forged(error: CSRFError) -> Response:  # pyright: ignore[reportUnusedFunction]
        return _error_page(419, "页面已过期，请刷新后重试，您填写的内容还在。")

    @app.errorhandler(OperationalError)
    def database(error: OperationalError) -> Response:  # pyright: ignore[reportUnusedFunction]
        log.error("database_unavailable", error=type(error.orig).__name__)
        db.session.remove()
        return _error_page(503, "现在访问的人较多，请稍等几秒再试。没有任何操作被重复执行。")

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:  # pyright: ignore[reportUnusedFunction]
        status = error.code or 500
        if status < 400:
            return cast(Response, error.get_response())
        words = {
            403: "您没有打开这个页面的权限。",
            404: "没有找到这个页面。",
            405: "没有找到这个页面。",
            413: "一张图片最多 20 MB，文字请精简。请返回上一页，减少后重试。",
            429: "操作太频繁了，请稍后再试。",
        }
        response = _error_page(404 if status == 405 else status, words.get(status, "刚才没有成功，请重试。"))
        if status == 405 and error.get_response().headers.get("Allow"):
            response.status_code = 405
            response.headers["Allow"] = error.get_response().headers["Allow"]
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:  # pyright: ignore[reportUnusedFunction]
        log.exception("unexpected", error=type(error).__name__)
        db.session.rollback()
        kept = "您填写的内容还在。" if request.method == "POST" else "我们已记录这个问题。"
        return _error_page(500, f"刚才没有成功，{kept}请重试。")
