"""Keys and secrets of the sandbox: made once, kept for ever, handed to the shop as `shop.env`."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from sandbox import constants
from sandbox.settings import Settings, remember

SHOP_ENV = "shop.env"
MERCHANT_KEY = "merchant_key.pem"
PLATFORM_KEY = "wechatpay_private_key.pem"
PLATFORM_PUBLIC_KEY = "wechatpay_public_key.pem"


@dataclass(frozen=True)
class Keys:
    """What both sides need to sign, verify, encrypt and authenticate."""

    platform: RSAPrivateKey
    merchant_public: RSAPublicKey
    cert_serial: str
    api_v3_key: str
    app_secret: str
    token: str
    aes_key: str
    sms_secret_id: str
    sms_secret_key: str
    seed: str


def ensure(settings: Settings) -> Keys:
    """Create what is missing, keep what exists, and rewrite `shop.env` for the present addresses."""
    directory = settings.directory
    directory.mkdir(parents=True, exist_ok=True)
    merchant = _private_key(directory / MERCHANT_KEY)
    platform = _private_key(directory / PLATFORM_KEY)
    _write(directory / PLATFORM_PUBLIC_KEY, _public_pem(platform.public_key()))
    secrets = _secrets(directory / "secrets.json", merchant.public_key())
    keys = Keys(platform=platform, merchant_public=merchant.public_key(), **secrets)
    remember(settings)
    lines = (f"{name}={value}" for name, value in shop_env(settings, keys).items())
    _write(directory / SHOP_ENV, ("\n".join(lines) + "\n").encode())
    return keys


def shop_env(settings: Settings, keys: Keys) -> dict[str, str]:
    """The settings with which a shop talks to this sandbox instead of WeChat."""
    directory, url = settings.directory.resolve(), settings.public_url
    return {
        "WECHAT_APP_ID": constants.APP_ID,
        "WECHAT_APP_SECRET": keys.app_secret,
        "WECHAT_TOKEN": keys.token,
        "WECHAT_AES_KEY": keys.aes_key,
        "WECHAT_API_BASE_URL": url,
        "WECHAT_OPEN_BASE_URL": url,
        "WECHAT_JSSDK_URL": f"{url}/jssdk/jweixin-1.6.0.js",
        "WECHATPAY_BASE_URL": url,
        "WECHATPAY_MCH_ID": constants.MCH_ID,
        "WECHATPAY_API_V3_KEY": keys.api_v3_key,
        "WECHATPAY_CERT_SERIAL": keys.cert_serial,
        "WECHATPAY_PRIVATE_KEY_PATH": str(directory / MERCHANT_KEY),
        "WECHATPAY_PUBLIC_KEY_ID": constants.PUBLIC_KEY_ID,
        "WECHATPAY_PUBLIC_KEY_PATH": str(directory / PLATFORM_PUBLIC_KEY),
        "SMS_API_BASE_URL": url,
        "SMS_SECRET_ID": keys.sms_secret_id,
        "SMS_SECRET_KEY": keys.sms_secret_key,
        "SMS_SDK_APP_ID": constants.SMS_SDK_APP_ID,
        "SMS_SIGN_NAME": constants.SMS_SIGN_NAME,
        "SMS_TEMPLATE_CODE": constants.SMS_TEMPLATE_CODE,
    }


def _secrets(path: Path, merchant: RSAPublicKey) -> dict[str, str]:
    if path.exists():
        return json.loads(path.read_text("utf-8"))
    secrets = {
        "cert_serial": hashlib.sha1(_public_pem(merchant)).hexdigest().upper(),
        "api_v3_key": os.urandom(16).hex(),
        "app_secret": os.urandom(16).hex(),
        "token": "sandbox" + os.urandom(8).hex(),
        "aes_key": base64.b64encode(os.urandom(32)).decode().rstrip("="),
        "sms_secret_id": "AKIDsandbox" + os.urandom(12).hex(),
        "sms_secret_key": os.urandom(16).hex(),
        "seed": os.urandom(16).hex(),
    }
    _write(path, json.dumps(secrets, indent=1).encode() + b"\n")
    return secrets


def _private_key(path: Path) -> RSAPrivateKey:
    if not path.exists():
        key = generate_private_key(65537, 2048)
        _write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return key
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError(f"{path} is not an RSA key")
    return key


def _public_pem(key: RSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _write(path: Path, content: bytes) -> None:
    """Replace a file at once, readable by its owner only; an unchanged file keeps its date."""
    if path.exists() and path.read_bytes() == content:
        return
    draft = path.with_name(path.name + ".new")
    with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    draft.replace(path)
