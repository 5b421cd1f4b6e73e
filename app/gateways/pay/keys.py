"""Key files of WeChat Pay. A missing or wrong file is one sentence for the operator; key text never appears in it."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from app.core.errors import ConfigError

MIN_BITS = 2048


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
    text = _read(path, setting)
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
    return serial if serial.startswith("PUB_KEY_ID_") else serial.upper()


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
