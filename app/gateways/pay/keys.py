"""Key files of WeChat Pay. A missing or wrong file is one sentence for the operator; key text never appears in it."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from app.core import clock
from app.core.config import Settings
from app.core.errors import ConfigError

MIN_BITS = 2048
PUBLIC_KEY_PREFIX = "PUB_KEY_ID_"
LOOK_AGAIN = timedelta(seconds=10)
Certificates = Mapping[str, str]


class HasKeys(Protocol):
    """What checks a signature needs of a collection of keys."""

    def get(self, serial: str, /) -> RSAPublicKey | None: ...


class KeyRing:
    """Every key WeChat Pay may sign with, by serial. Old and new live side by side while a rotation lasts.

    A certificate number that is not known is looked up in `stored` (the database: what the worker downloaded), at
    most once in ten seconds, so that strangers who invent serials cost nothing. Never a call to WeChat Pay.
    """

    def __init__(self, keys: Mapping[str, RSAPublicKey], stored: Callable[[], Certificates] | None = None) -> None:
        self._keys = {normal_serial(serial): key for serial, key in keys.items()}
        self._stored, self._looked_at, self._lock = (
            stored,
            datetime.min.replace(tzinfo=clock.SHANGHAI),
            threading.Lock(),
        )

    def get(self, serial: str, /) -> RSAPublicKey | None:
        serial = normal_serial(serial)
        if serial not in self._keys and self._stored is not None and self.in_certificate_mode:
            with self._lock:
                if abs(clock.now() - self._looked_at) >= LOOK_AGAIN:
                    self._looked_at = clock.now()
                    self.trust(self._stored())
        return self._keys.get(serial)

    def trust(self, certificates: Certificates) -> None:
        """Add downloaded certificates; one that does not hold what its serial says is left out."""
        for serial, text in certificates.items():
            self._keys[normal_serial(serial)] = platform_key_in(text.encode(), serial, "platform_certificates", serial)

    @property
    def in_certificate_mode(self) -> bool:
        """Whether this merchant has platform certificates at all."""
        return any(not serial.startswith(PUBLIC_KEY_PREFIX) for serial in self._keys)


def load_ring(settings: Settings, stored: Callable[[], Certificates] | None = None) -> tuple[KeyRing, str]:
    """The keys of the settings and the serial that requests name: the first of WECHATPAY_PUBLIC_KEY_ID.

    Several ids, and as many files in the same order, separated by commas: a public key and its successor, a
    certificate number and the public key that takes its place.
    """
    serials = [part.strip() for part in settings.wechatpay_public_key_id.split(",") if part.strip()]
    paths = [Path(part.strip()) for part in str(settings.wechatpay_public_key_path or "").split(",") if part.strip()]
    if not serials:
        raise ConfigError("WECHATPAY_PUBLIC_KEY_ID: missing; it must be PUB_KEY_ID_… or a certificate's serial number")
    if paths and len(paths) != len(serials):
        raise ConfigError(
            f"WECHATPAY_PUBLIC_KEY_PATH: {len(paths)} files for {len(serials)} ids; give one file for each id"
        )
    files: list[Path | None] = [*paths] if paths else [None] * len(serials)
    keys = {serial: load_platform_key(path, serial) for serial, path in zip(serials, files, strict=True)}
    return KeyRing(keys, stored), serials[0]


def check_files(settings: Settings) -> None:
    """Fail now, in one sentence, if a key file is missing or of the wrong kind. Does not touch the network."""
    load_private_key(settings.wechatpay_private_key_path)
    load_ring(settings)
    if len(settings.wechatpay_api_v3_key.get_secret_value().encode()) != 32:
        raise ConfigError("WECHATPAY_API_V3_KEY: must have 32 bytes")


def load_private_key(path: Path | None, setting: str = "WECHATPAY_PRIVATE_KEY_PATH") -> RSAPrivateKey:
    """The merchant's API private key (apiclient_key.pem)."""
    text = _read(path, setting)
    if b"PRIVATE KEY-----" not in text:
        raise ConfigError(f"{setting}: {path} holds no private key; it must be the merchant's apiclient_key.pem")
    try:
        key = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError):
        raise ConfigError(f"{setting}: {path} is damaged or has a pass phrase; it must be a plain PEM key") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_BITS:
        raise ConfigError(f"{setting}: {path} must be an RSA key of at least {MIN_BITS} bits")
    return key


def load_platform_key(path: Path | None, serial: str, setting: str = "WECHATPAY_PUBLIC_KEY_PATH") -> RSAPublicKey:
    """WeChat Pay's public key (pub_key.pem), or the key in a platform certificate whose serial is `serial`."""
    return platform_key_in(_read(path, setting), serial, setting, path)


def platform_key_in(text: bytes, serial: str, setting: str, path: object) -> RSAPublicKey:
    """The key in a PEM text that says it is `serial`; `setting` and `path` are for the sentence when it is not."""
    try:
        if b"BEGIN CERTIFICATE" in text:
            certificate = x509.load_pem_x509_certificate(text)
            key, found = certificate.public_key(), f"{certificate.serial_number:X}"
        else:
            key, found = serialization.load_pem_public_key(text), None
    except ValueError:
        raise ConfigError(f"{setting}: {path} holds no public key or certificate of WeChat Pay") from None
    if found is not None and found != normal_serial(serial).lstrip("0"):
        raise ConfigError(f"{setting}: {path} is the certificate {found}, not {serial}")
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_BITS:
        raise ConfigError(f"{setting}: {path} must hold an RSA key of at least {MIN_BITS} bits")
    return key


def normal_serial(serial: str) -> str:
    """A serial as map key: certificate numbers are hexadecimal in either case, PUB_KEY_ID_… is literal."""
    return serial if serial.startswith(PUBLIC_KEY_PREFIX) else serial.upper()


def private_pem(key: RSAPrivateKey) -> str:
    """The key as PKCS#8 text, the only form wechatpayv3 reads."""
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


def public_pem(key: RSAPublicKey) -> str:
    """The key as the PEM text wechatpayv3 reads."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def _read(path: Path | None, setting: str) -> bytes:
    if path is None:
        raise ConfigError(f"{setting}: missing; it must name a PEM file")
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{setting}: cannot read {path} ({exc.strerror})") from None
