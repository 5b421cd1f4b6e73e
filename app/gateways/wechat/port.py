"""What the rooms know of WeChat's account side: typed values, typed errors, one protocol."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

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


class NotDelivered(GatewayError):
    """WeChat surely did not take the message (not reached, busy, over quota): another try may help."""


class Refused(GatewayError):
    """WeChat refused the message for good: consent used up, not a follower, outside the window, wrong template."""


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
class SceneQr:
    """A parametric QR code: `url` is what the code says (draw it ourselves), `expires_in` None for a lasting one."""

    ticket: str
    url: str
    expires_in: int | None


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

    def claim(self, key: str, now: datetime, until: datetime) -> bool:
        """Become the one that fetches this key, of all processes, until then; False while somebody else is."""
        ...

    def release(self, key: str, until: datetime) -> None:
        """Give the claim back that ends at `until`."""
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

    def fetch_avatar(self, url: str) -> bytes:
        """The picture of a profile, from WeChat's picture hosts only, at most half a megabyte."""
        ...

    def create_scene_qr(self, scene: str, *, seconds: int | None) -> SceneQr:
        """A QR code whose scan pushes `scene` (1 to 64 characters); lasting if `seconds` is None (100,000 in all)."""
        ...

    def send_subscription(self, openid: str, template_id: str, page: str, data: dict[str, str]) -> str:
        """A subscription notice; one consent pays for one. WeChat's message number if it gives one.

        NotDelivered, Refused; any other GatewayError leaves open whether it was sent, so it must not be sent again.
        """
        ...

    def send_customer_text(self, openid: str, text: str) -> None:
        """A customer-service message, within its window. Errors as for `send_subscription`."""
        ...

    def send_template(self, openid: str, template_id: str, url: str, data: dict[str, str], *, key: str) -> str:
        """A template message to a follower; WeChat drops a second one with the same `key` for ten minutes."""
        ...

    def is_following(self, openid: str) -> bool:
        """Whether this person follows the account."""
        ...

    def push_menu(self, menu: dict[str, Any]) -> None:
        """Replace the account's menu."""
        ...

    def fetch_menu(self) -> dict[str, Any]:
        """The account's menu; empty if there is none."""
        ...
