"""Keys and secrets of the sandbox: made once, kept for ever, handed to the shop as `shop.env`."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from sandbox import constants
from sandbox.settings import Settings, remember

if TYPE_CHECKING:
    from sandbox.world import World

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
    leads_secret: str = ""


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
        "SMS_TEMPLATE_NOTICE": constants.SMS_TEMPLATE_NOTICE,
        "LEADS_WEBHOOK_URL": f"{url}/maker/leads",
        "LEADS_WEBHOOK_SECRET": keys.leads_secret,
    }


def _secrets(path: Path, merchant: RSAPublicKey) -> dict[str, str]:
    if path.exists():
        kept = json.loads(path.read_text("utf-8"))
        # Directories from before the lead system have no secret for it: it follows from their seed.
        return {"leads_secret": hashlib.sha256(f"leads:{kept['seed']}".encode()).hexdigest()} | kept
    secrets = {
        "cert_serial": hashlib.sha1(_public_pem(merchant)).hexdigest().upper(),
        "api_v3_key": os.urandom(16).hex(),
        "app_secret": os.urandom(16).hex(),
        "token": "sandbox" + os.urandom(8).hex(),
        "aes_key": base64.b64encode(os.urandom(32)).decode().rstrip("="),
        "sms_secret_id": "AKIDsandbox" + os.urandom(12).hex(),
        "sms_secret_key": os.urandom(16).hex(),
        "seed": os.urandom(16).hex(),
        "leads_secret": os.urandom(32).hex(),
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


# ---- which key WeChat Pay signs with: a public key and its successors, certificates and theirs


@dataclass(frozen=True)
class Certificate:
    """A platform certificate with its times as seconds since 1970."""

    serial: str
    pem: str
    not_before: float
    not_after: float


def choose_signer(here: "World", plan: dict[str, Any]) -> dict[str, Any]:
    """{"mode": "public_key"|"certificate", "number": 1…9, "announced": 1…9}: what signs from now on.

    `announced` certificates are on offer at /v3/certificates; 0 is a merchant who only has the public key.
    """
    mode, number = plan.get("mode", "public_key"), int(plan.get("number", 1))
    announced = int(plan.get("announced", number if mode == "certificate" else 0))
    if mode not in {"public_key", "certificate"} or not 1 <= number <= 9 or not 0 <= announced <= 9:
        raise ValueError("mode is public_key or certificate; number 1 to 9; announced 0 to 9")
    known = max(number, announced, here.store.get_meta("signer", {}).get("known", 1))
    chosen = {"mode": mode, "number": number, "announced": announced, "known": known}
    here.store.set_meta("signer", chosen)
    serial, key = signer(here)
    return {**chosen, "serial": serial, "public_key": _public_pem(key.public_key()).decode()}


def signer(here: "World") -> tuple[str, RSAPrivateKey]:
    """The serial and the key of the next signature."""
    plan = here.store.get_meta("signer", {})
    number = plan.get("number", 1)
    if plan.get("mode") == "certificate":
        return certificate(here, number).serial, _certificate_key(here, number)
    return public_key_id(number), _platform_key(here, number)


def serials(here: "World") -> set[str]:
    """Every serial a merchant may name."""
    numbers = range(1, here.store.get_meta("signer", {}).get("known", 1) + 1)
    found = {public_key_id(number) for number in numbers}
    return found | ({certificate(here, number).serial for number in numbers} if _uses_certificates(here) else set())


def private_keys(here: "World") -> list[RSAPrivateKey]:
    """Every key something may be encrypted for."""
    numbers = range(1, here.store.get_meta("signer", {}).get("known", 1) + 1)
    found = [_platform_key(here, number) for number in numbers]
    return found + ([_certificate_key(here, number) for number in numbers] if _uses_certificates(here) else [])


def certificates(here: "World") -> list[Certificate]:
    """The certificates on offer, the oldest first."""
    return [certificate(here, n) for n in range(1, here.store.get_meta("signer", {}).get("announced", 0) + 1)]


def certificate(here: "World", number: int) -> Certificate:
    """The platform certificate of this number; made when it is first needed."""
    path = here.settings.directory / f"wechatpay_certificate_{number}.pem"
    if not path.exists():
        _write(path, _self_signed(_certificate_key(here, number), number))
    found = x509.load_pem_x509_certificate(path.read_bytes())
    before, after = found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()
    return Certificate(f"{found.serial_number:X}", path.read_text("ascii"), before, after)


def public_key_id(number: int) -> str:
    """The id of the public key of this number."""
    return constants.PUBLIC_KEY_ID[:-1] + str(number)


def _uses_certificates(here: "World") -> bool:
    plan = here.store.get_meta("signer", {})
    return plan.get("mode") == "certificate" or plan.get("announced", 0) > 0


def _platform_key(here: "World", number: int) -> RSAPrivateKey:
    if number == 1:
        return here.keys.platform
    return _private_key(here.settings.directory / f"wechatpay_private_key_{number}.pem")


def _certificate_key(here: "World", number: int) -> RSAPrivateKey:
    return _private_key(here.settings.directory / f"wechatpay_certificate_{number}_key.pem")


def _self_signed(key: RSAPrivateKey, number: int) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"WeChat Pay sandbox {number}")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(0x5A4E000000000000000000000000000000000000 + number)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=5 * 365))
    )
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)
