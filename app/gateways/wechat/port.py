"""What the rooms know of WeChat's account side: typed values, typed errors, one protocol."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.core.errors import GatewayError

PROVIDER = "wechat"


class Scope(StrEnum):
    """How much a login asks for: BASE is silent and gives the openid, USERINFO asks the person for the profile."""

    BASE = "snsapi_base"
    USERINFO = "snsapi_userinfo"


class CodeInvalid(GatewayError):
    """The login code is unknown, expired (5 minutes) or malformed: start the login again."""


class CodeUsed(GatewayError):
    """The login code was exchanged before (a callback requested twice): reuse that result or start again."""


class NotSignable(ValueError):
    """The address is not one of our own pages, so it gets no JS-SDK signature."""


@dataclass(frozen=True, slots=True)
class WeChatUser:
    """Who came back from the login. A snapshot user is virtual: never create, bind or merge anything for it."""

    openid: str
    unionid: str | None
    scope: str
    is_snapshot: bool
    access_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WeChatProfile:
    """What the person agreed to show: nickname and picture address, both possibly empty."""

    openid: str
    unionid: str | None
    nickname: str
    avatar_url: str


@dataclass(frozen=True, slots=True)
class JsConfig:
    """The four values of `wx.config`; `timestamp` in seconds."""

    app_id: str
    timestamp: int
    nonce_str: str
    signature: str


class TokenStore(Protocol):
    """Tokens shared by all workers: key → (value, do not use from this moment on)."""

    def get(self, key: str) -> tuple[str, datetime] | None: ...

    def replace(self, key: str, old: str | None, new: str, expires_at: datetime) -> bool:
        """Compare and swap: store `new` if the present value is `old` (None: nothing stored); False otherwise."""
        ...


class WeChatGateway(Protocol):
    """WeChat's account APIs. Every method that calls out raises GatewayError and nothing else."""

    def authorize_url(self, redirect_uri: str, scope: str, state: str, *, force_popup: bool = False) -> str:
        """The address that starts a login; WeChat checks the order of its parameters."""
        ...

    def exchange_code(self, code: str) -> WeChatUser:
        """The person behind a login code. A code works once: CodeInvalid, CodeUsed."""
        ...

    def fetch_profile(self, access_token: str, openid: str) -> WeChatProfile:
        """The profile, for a login with scope USERINFO."""
        ...

    def js_config(self, url: str) -> JsConfig:
        """The signature for exactly this page address (its #fragment is dropped). NotSignable for foreign hosts."""
        ...
