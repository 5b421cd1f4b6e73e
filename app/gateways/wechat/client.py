"""WeChat's account APIs on wechatpy, with what it lacks: time limits, stable tokens, typed answers, one retry."""

from collections.abc import Callable, Collection
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatException
from wechatpy.oauth import WeChatOAuth

from app.core import clock, ids
from app.core.config import Settings
from app.core.errors import GatewayError
from app.gateways.transport import TIMEOUT, limit_session, never_connected
from app.gateways.wechat import pictures
from app.gateways.wechat.jssdk import js_signature, page_url, signable
from app.gateways.wechat.messages import scene_body, surely_not_taken
from app.gateways.wechat.port import (
    PROVIDER,
    CodeInvalid,
    CodeUsed,
    JsConfig,
    NotDelivered,
    NotSignable,
    Refused,
    SceneQr,
    Scope,
    TokenStore,
    WeChatProfile,
    WeChatUser,
)
from app.gateways.wechat.tokens import Fetched, SharedSecrets, retry_once_if_stale

# -1 busy, 45009 daily and 45011 minute quota
_BUSY = frozenset({"-1", "45009", "45011"})
_CODE_ERRORS: dict[str, type[GatewayError]] = {"40029": CodeInvalid, "41008": CodeInvalid, "40163": CodeUsed}
MAX_CODE = 512


class _OAuth(WeChatOAuth):
    """wechatpy's login at the configured hosts. Its state is checked here because wechatpy does not quote it."""

    def __init__(self, api_base: str, open_base: str, app_id: str, secret: str, timeout: tuple[float, float]) -> None:
        super().__init__(app_id, secret, redirect_uri="")
        self.API_BASE_URL = f"{api_base}/"
        self.OAUTH_BASE_URL = f"{open_base}/connect/"
        limit_session(self._http, timeout)


class _Client(WeChatClient):
    """wechatpy's API client at the configured host; tokens are ours, and so is the retry (its own has no end)."""

    def __init__(self, api_base: str, app_id: str, secret: str, timeout: tuple[float, float]) -> None:
        super().__init__(app_id, secret, timeout=timeout, auto_retry=False)
        self.API_BASE_URL = f"{api_base}/cgi-bin/"
        limit_session(self._http, timeout)

    def stable_token(self, *, force: bool) -> object:
        """POST stable_token, which wechatpy does not know. It returns the living token unless forced."""
        body: dict[str, object] = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        if force:
            body["force_refresh"] = True
        # Params that are not a dict keep wechatpy from fetching a token in order to fetch a token.
        return self.post("stable_token", params=(), data=body)

    def jsapi_ticket(self, token: str) -> object:
        return self.get("ticket/getticket", params={"access_token": token, "type": "jsapi"})

    def call(self, endpoint: str, token: str, body: dict[str, Any]) -> object:
        return self.post(endpoint, params={"access_token": token}, data=body)

    def follower(self, token: str, openid: str) -> object:
        return self.get("user/info", params={"access_token": token, "openid": openid, "lang": "zh_CN"})

    def menu_of(self, token: str) -> object:
        return self.get("menu/get", params={"access_token": token})


class WeChatAccount:
    """The production WeChatGateway."""

    def __init__(
        self,
        *,
        app_id: str,
        app_secret: str,
        api_base_url: str,
        open_base_url: str,
        store: TokenStore,
        hosts: Collection[str],
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        api, opened = api_base_url.rstrip("/"), open_base_url.rstrip("/")
        self._app_id = app_id
        self._hosts = frozenset(hosts)
        self._new_oauth: Callable[[], _OAuth] = lambda: _OAuth(api, opened, app_id, app_secret, timeout)
        self._oauth = self._new_oauth()
        self._client = _Client(api, app_id, app_secret, timeout)
        self._pictures = pictures.PictureHost(own=(urlsplit(api).netloc, urlsplit(opened).netloc), timeout=timeout)
        # Two, because a ticket is fetched with a token: each guards its own value.
        self._tokens, self._tickets = SharedSecrets(store), SharedSecrets(store)

    @classmethod
    def from_settings(
        cls, settings: Settings, store: TokenStore, *, extra_hosts: Collection[str] = ()
    ) -> "WeChatAccount":
        """The account of this deployment; pages of PUBLIC_BASE_URL's host (and `extra_hosts`) can be signed."""
        return cls(
            app_id=settings.wechat_app_id,
            app_secret=settings.wechat_app_secret.get_secret_value(),
            api_base_url=settings.wechat_api_base_url,
            open_base_url=settings.wechat_open_base_url,
            store=store,
            hosts={urlsplit(settings.public_base_url).netloc.lower(), *extra_hosts},
        )

    def authorize_url(self, redirect_uri: str, scope: str, state: str, *, force_popup: bool = False) -> str:
        """The address that starts a login. ValueError for a state WeChat would refuse (letters, digits, 1 to 128)."""
        if not (state.isascii() and state.isalnum() and len(state) <= 128):
            raise ValueError("state: 1 to 128 letters and digits")
        oauth = self._new_oauth()
        oauth.redirect_uri, oauth.scope, oauth.state = redirect_uri, Scope(scope).value, state
        url = cast("str", oauth.authorize_url)
        return url.replace("#wechat_redirect", "&forcePopup=true#wechat_redirect") if force_popup else url

    def exchange_code(self, code: str) -> WeChatUser:
        """The person behind a login code. One attempt: a repeated one would find its own code used."""
        if not (0 < len(code) <= MAX_CODE and code.isascii() and code.isprintable()):
            raise CodeInvalid(PROVIDER, "40029", "malformed code")
        answer = _ask(lambda: self._oauth.fetch_access_token(code))
        return WeChatUser(
            openid=_text(answer, "openid"),
            unionid=_optional(answer, "unionid"),
            scope=_optional(answer, "scope") or "",
            is_snapshot=answer.get("is_snapshotuser") in (1, "1", True),
            access_token=_text(answer, "access_token"),
        )

    def fetch_profile(self, access_token: str, openid: str) -> WeChatProfile:
        """The profile of a login with scope USERINFO; the answer must be about the same openid."""
        answer = _ask(lambda: self._oauth.get_user_info(openid, access_token))
        if _text(answer, "openid") != openid:
            raise GatewayError(PROVIDER, "bad_answer", "profile of another openid")
        return WeChatProfile(
            openid=openid,
            unionid=_optional(answer, "unionid"),
            nickname=_optional(answer, "nickname") or "",
            avatar_url=_optional(answer, "headimgurl") or "",
        )

    def js_config(self, url: str) -> JsConfig:
        """The JS-SDK signature for one of our own pages. May store a token and a ticket."""
        if not signable(url, self._hosts):
            raise NotSignable("not a page of this shop")
        nonce, timestamp = ids.token(8), int(clock.now().timestamp())
        signature = js_signature(self._ticket(), nonce, timestamp, page_url(url))
        return JsConfig(self._app_id, timestamp, nonce, signature)

    def fetch_avatar(self, url: str) -> bytes:
        """The picture of a profile, from WeChat's picture hosts only, at most half a megabyte. GatewayError."""
        return pictures.fetch(self._pictures, url)

    def create_scene_qr(self, scene: str, *, seconds: int | None) -> SceneQr:
        """A QR code whose scan pushes `scene`. ValueError for a scene or a time WeChat would refuse."""
        body = scene_body(scene, seconds)
        answer = self._with_token(lambda token: self._client.call("qrcode/create", token, body))
        lives = answer.get("expire_seconds")
        return SceneQr(_text(answer, "ticket"), _text(answer, "url"), lives if type(lives) is int else None)

    def send_subscription(self, openid: str, template_id: str, page: str, data: dict[str, str]) -> str:
        """A subscription notice; one consent pays for one. NotDelivered, Refused, GatewayError (nobody knows)."""
        body = {"touser": openid, "template_id": template_id, "page": page, "data": _values(data)}
        return self._send("message/subscribe/bizsend", body)

    def send_customer_text(self, openid: str, text: str) -> None:
        """A customer-service message, within its window. NotDelivered, Refused, GatewayError (nobody knows)."""
        self._send("message/custom/send", {"touser": openid, "msgtype": "text", "text": {"content": text}})

    def send_template(self, openid: str, template_id: str, url: str, data: dict[str, str], *, key: str) -> str:
        """A template message to a follower; `key` (32 characters) makes WeChat drop a second one for ten minutes."""
        body = {"touser": openid, "template_id": template_id, "url": url, "data": _values(data), "client_msg_id": key}
        return self._send("message/template/send", body)

    def is_following(self, openid: str) -> bool:
        """Whether this person follows the account."""
        answer = self._with_token(lambda token: self._client.follower(token, openid))
        return answer.get("subscribe") in (1, "1", True)

    def push_menu(self, menu: dict[str, Any]) -> None:
        """Replace the account's menu."""
        self._with_token(lambda token: self._client.call("menu/create", token, menu))

    def fetch_menu(self) -> dict[str, Any]:
        """The account's menu; empty if there is none (46003)."""
        try:
            return self._with_token(self._client.menu_of)
        except GatewayError as error:
            if error.code != "46003":
                raise
        return {}

    def _send(self, endpoint: str, body: dict[str, Any]) -> str:
        try:
            answer = self._with_token(lambda token: self._client.call(endpoint, token, body))
        except GatewayError as error:
            not_taken = isinstance(error, NotDelivered) or surely_not_taken(error)
            kind = NotDelivered if not_taken else Refused if error.code.isdecimal() else GatewayError
            failed = kind(PROVIDER, error.code, error.detail, retryable=kind is NotDelivered)
        else:
            number = answer.get("msgid")
            return str(number) if isinstance(number, int | str) and not isinstance(number, bool) else ""
        raise failed

    def _with_token(self, call: Callable[[str], object]) -> dict[str, Any]:
        """The answer to a call with the account's token; one that WeChat calls stale is renewed exactly once.

        NotDelivered if there is no token to be had: the call itself was not made, or made and refused.
        """
        key = f"{self._app_id}:access_token"

        def renewed(refused: str) -> str:
            return _or_not_delivered(lambda: self._tokens.instead_of(key, refused, lambda: self._fetch_token(refused)))

        def ask(token: str) -> dict[str, Any]:
            return _ask(lambda: call(token))

        token = _or_not_delivered(lambda: self._tokens.current(key, self._fetch_token))
        return retry_once_if_stale(ask, token, renewed)

    def _ticket(self) -> str:
        return self._tickets.current(f"{self._app_id}:jsapi_ticket", self._fetch_ticket)

    def _fetch_ticket(self) -> Fetched:
        answer = self._with_token(self._client.jsapi_ticket)
        return _text(answer, "ticket"), _lifetime(answer)

    def _fetch_token(self, refused: str | None = None) -> Fetched:
        answer = _ask(lambda: self._client.stable_token(force=False))
        if _text(answer, "access_token") == refused:
            # WeChat still hands out the token it refuses; forcing is rationed (20 a day), so only now.
            answer = _ask(lambda: self._client.stable_token(force=True))
        return _text(answer, "access_token"), _lifetime(answer)


def _or_not_delivered(fetch: Callable[[], str]) -> str:
    try:
        return fetch()
    except GatewayError as exc:
        error = NotDelivered(exc.provider, exc.code, exc.detail, retryable=exc.retryable)
    raise error


def _ask(call: Callable[[], object]) -> dict[str, Any]:
    """The JSON object a call answers, or a GatewayError.

    It is raised outside the except blocks: the original exceptions carry addresses with the app secret,
    and a traceback printed from a context would show them.
    """
    try:
        answer = call()
    except WeChatException as exc:
        error = _refusal(exc)
    except requests.ConnectTimeout:
        error = GatewayError(PROVIDER, "unreachable", "ConnectTimeout", retryable=True)
    except requests.Timeout:
        error = GatewayError(PROVIDER, "timeout", retryable=True)
    except requests.RequestException as exc:
        # A connection that broke may have carried the request; one that was never made has not.
        code = "unreachable" if never_connected(exc) else "cut_off"
        error = GatewayError(PROVIDER, code, type(exc).__name__, retryable=True)
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        # wechatpy reads fields without looking; HTML, empty bodies and missing fields end here.
        error = GatewayError(PROVIDER, "bad_answer", type(exc).__name__, retryable=True)
    else:
        if isinstance(answer, dict):
            return cast("dict[str, Any]", answer)
        error = GatewayError(PROVIDER, "bad_answer", "not a JSON object", retryable=True)
    raise error


def _refusal(exc: WeChatException) -> GatewayError:
    if exc.errcode is None:
        status = getattr(getattr(exc, "response", None), "status_code", 0)
        return GatewayError(PROVIDER, f"http_{status}", retryable=status == 429 or status >= 500)
    code = str(exc.errcode)
    kind = _CODE_ERRORS.get(code, GatewayError)
    return kind(PROVIDER, code, str(exc.errmsg)[:200], retryable=code in _BUSY)


def _values(data: dict[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"value": value} for name, value in data.items()}


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise GatewayError(PROVIDER, "bad_answer", f"{name} missing", retryable=True)
    return value


def _optional(answer: dict[str, Any], name: str) -> str | None:
    value = answer.get(name)
    return value if isinstance(value, str) and value else None


def _lifetime(answer: dict[str, Any]) -> int:
    value = answer.get("expires_in")
    if type(value) is not int or not 0 < value <= 86400:
        raise GatewayError(PROVIDER, "bad_answer", "expires_in", retryable=True)
    return value
