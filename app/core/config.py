"""Settings from the environment, checked once at start.

Names are those of the product's settings list. Production refuses to start with a missing or sandbox
value and lists everything that is wrong at once.
"""

import base64
import hashlib
import os
import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]

# The sandbox speaks WeChat's protocols for development. Its well-known identifiers never belong in production.
SANDBOX_VALUES = frozenset({"wxsandbox0000000001", "1900000109", "PUB_KEY_ID_SANDBOX0000000000000001", "1400000000"})
DEVELOPMENT_SECRET = "development-only-not-a-secret"  # noqa: S105 (public on purpose)


class Settings(BaseSettings):
    """Every setting of a deployment; secrets print as asterisks."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")

    zhanting_env: Literal["development", "production"] = "development"
    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    database_url: str = f"sqlite:///{ROOT / 'instance' / 'zhanting.db'}"
    redis_url: str | None = None
    response_cache_bytes: int = 8 * 1024 * 1024
    public_base_url: str = "http://127.0.0.1:8000"
    media_path: Path = ROOT / "instance" / "media"
    jobs_path: Path = ROOT / "instance" / "jobs.db"
    media_s3_bucket: str = ""
    media_s3_endpoint: str = ""
    media_s3_region: str = "us-east-1"
    media_s3_access_key: str = ""
    media_s3_secret_key: SecretStr = SecretStr("")
    media_s3_path_style: bool = True

    wechat_app_id: str = ""
    wechat_app_secret: SecretStr = SecretStr("")
    wechat_token: SecretStr = SecretStr("")
    wechat_aes_key: SecretStr = SecretStr("")
    wechat_push_mode: Literal["", "safe", "compatible", "plain"] = ""
    wechat_api_base_url: str = "https://api.weixin.qq.com"
    wechat_open_base_url: str = "https://open.weixin.qq.com"
    wechat_jssdk_url: str = "https://res.wx.qq.com/open/js/jweixin-1.6.0.js"

    wechatpay_base_url: str = "https://api.mch.weixin.qq.com"
    wechatpay_mch_id: str = ""
    wechatpay_api_v3_key: SecretStr = SecretStr("")
    wechatpay_cert_serial: str = ""
    wechatpay_private_key_path: Path | None = None
    wechatpay_public_key_id: str = ""
    wechatpay_public_key_path: Path | None = None

    sms_api_base_url: str = "https://sms.tencentcloudapi.com"
    sms_secret_id: str = ""
    sms_secret_key: SecretStr = SecretStr("")
    sms_sdk_app_id: str = ""
    sms_sign_name: str = ""
    sms_template_code: str = ""
    sms_template_notice: str = ""

    draws_enabled: bool = False  # 夺券: a draw is published only where somebody said that the law was looked at

    # Photos of driving licences: whether stores may ask for them (unset: in development only), and what seals them.
    licence_photos: bool | None = None
    licence_photo_keys: SecretStr = SecretStr("")

    tradein_table_path: Path | None = None
    leads_webhook_url: str = ""
    leads_webhook_secret: SecretStr = SecretStr("")

    city_header: str = ""  # the header in which the proxy in front says which city an address belongs to

    metrics_token: SecretStr = SecretStr("")
    metrics_path: Path = ROOT / "instance" / "metrics"
    assets_path: Path = ROOT / "instance" / "assets"
    port: int = Field(default=8000, ge=1, le=65535)
    sandbox_port: int = Field(default=8001, ge=1, le=65535)
    trusted_proxies: int = Field(default=0, ge=0, le=5)

    @property
    def production(self) -> bool:
        return self.zhanting_env == "production"

    @property
    def licence_keys(self) -> list[str]:
        """What seals photos of licences, the newest first; none: no store may ask for one.

        Development makes one of its own; production has it from LICENCE_PHOTO_KEYS alone.
        """
        if self.licence_photos is False or (self.licence_photos is None and self.production):
            return []
        given = [key.strip() for key in self.licence_photo_keys.get_secret_value().split(",") if key.strip()]
        if given or self.production:
            return given
        digest = hashlib.sha256(f"licence:{self.secret_key.get_secret_value()}".encode()).digest()
        return [base64.urlsafe_b64encode(digest).decode()]

    @property
    def pushes_sealed(self) -> bool:
        """Whether only encrypted pushes count: 安全模式, which a shop with a key is in unless it says otherwise.

        In development both kinds do, because the sandbox sends both.
        """
        return self.wechat_push_mode == "safe" or (
            self.wechat_push_mode == "" and self.production and bool(self.wechat_aes_key.get_secret_value())
        )


REQUIRED = [
    "secret_key",
    "database_url",
    "public_base_url",
    "wechat_app_id",
    "wechat_app_secret",
    "wechat_token",
    "wechat_aes_key",
    "wechatpay_mch_id",
    "wechatpay_api_v3_key",
    "wechatpay_cert_serial",
    "wechatpay_private_key_path",
    "wechatpay_public_key_id",
    "wechatpay_public_key_path",
    "sms_secret_id",
    "sms_secret_key",
    "sms_sdk_app_id",
    "sms_sign_name",
    "sms_template_code",
]
BASE_URLS = [
    "public_base_url",
    "wechat_api_base_url",
    "wechat_open_base_url",
    "wechat_jssdk_url",
    "wechatpay_base_url",
    "sms_api_base_url",
]
STORAGE = ["media_s3_bucket", "media_s3_endpoint", "media_s3_access_key", "media_s3_secret_key"]
LOOPBACK = frozenset({"localhost", "0.0.0.0", "::1"})  # noqa: S104 (named here to be refused)


def load_settings(**overrides: object) -> Settings:
    """The settings of this process. Raises ConfigError with every problem, one a line."""
    try:
        settings = Settings(_env_file=development_file(), **overrides)  # pyright: ignore[reportArgumentType, reportCallIssue]
    except ValidationError as exc:
        lines = [f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in exc.errors()]
        raise ConfigError("\n".join(lines)) from None
    if settings.production and (problems := production_problems(settings)):
        raise ConfigError("\n".join(problems))
    return settings


def development_file() -> Path | None:
    """What `make run` wrote, so that a command in another shell meets the same shop; never in production."""
    path = ROOT / "instance" / "development.env"
    return path if os.environ.get("ZHANTING_ENV") != "production" and path.is_file() else None


def production_problems(settings: Settings) -> list[str]:
    """What forbids running this in production, a line each: missing values, sandbox values, plain http."""
    problems: list[str] = []
    for name in REQUIRED:
        plain = _plain(getattr(settings, name))
        if not plain:
            problems.append(f"{name.upper()}: missing")
        elif plain in SANDBOX_VALUES or plain == DEVELOPMENT_SECRET or "sandbox" in plain.lower():
            problems.append(f"{name.upper()}: a sandbox value, not for production")
    if len(_plain(settings.secret_key)) < 32:
        problems.append("SECRET_KEY: at least 32 characters")
    if settings.trusted_proxies == 0:
        problems.append(
            "TRUSTED_PROXIES: 0, but https is ended by a proxy in front; "
            "uncounted, every shopper has the proxy's one address and shares its limits"
        )
    problems += half_set_storage(settings) + licence_key_problems(settings) + lead_webhook_problems(settings)
    for name in [*BASE_URLS, *(["media_s3_endpoint"] if settings.media_s3_endpoint else [])]:
        parts = urlsplit(str(getattr(settings, name)))
        host = parts.hostname or ""
        if parts.scheme != "https" or host in LOOPBACK or host.startswith("127."):
            problems.append(f"{name.upper()}: must be https and not this machine")
    return problems


def half_set_storage(settings: Settings) -> list[str]:
    """What is missing when pictures are to lie in a bucket, a line each; nothing when they lie in a folder."""
    given = {name: _plain(getattr(settings, name)) for name in STORAGE}
    return [f"{name.upper()}: missing" for name, value in given.items() if not value] if any(given.values()) else []


def licence_key_problems(settings: Settings) -> list[str]:
    """What is wrong with the keys of licence photos where stores may ask for them, a line each."""
    if not settings.licence_photos:
        return []
    if not settings.licence_keys:
        return ["LICENCE_PHOTO_KEYS: missing, but LICENCE_PHOTOS is on"]
    good = [re.fullmatch(r"[A-Za-z0-9_-]{43}=", key) is not None for key in settings.licence_keys]
    return [] if all(good) else ["LICENCE_PHOTO_KEYS: each is 32 random bytes in URL-safe base64 (44 characters)"]


def lead_webhook_problems(settings: Settings) -> list[str]:
    """What is wrong with the way to the maker's lead system, a line each; nothing when there is none."""
    url, secret = settings.leads_webhook_url, _plain(settings.leads_webhook_secret)
    if not url and not secret:
        return []
    problems: list[str] = []
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not url:
        problems.append("LEADS_WEBHOOK_URL: missing, but LEADS_WEBHOOK_SECRET is set")
    elif parts.scheme != "https" or not host or host in LOOPBACK or host.startswith("127."):
        problems.append("LEADS_WEBHOOK_URL: must be https and not this machine")
    if not secret:
        problems.append("LEADS_WEBHOOK_SECRET: missing, but LEADS_WEBHOOK_URL is set")
    elif len(secret) < 32:
        problems.append("LEADS_WEBHOOK_SECRET: at least 32 characters")
    return problems


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value is None else str(value)
