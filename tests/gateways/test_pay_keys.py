"""Key files: the right ones load, every wrong one is one sentence that names the setting and shows no key."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.core.config import Settings
from app.core.errors import ConfigError
from app.gateways.pay import client, keys
from tests.gateways import platform
from tests.gateways.vectors import constant, pem

SERIAL = platform.CERTIFICATE_SERIAL


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "key.pem"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def pkcs1(passphrase: bytes | None = None) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL if passphrase is None else serialization.PrivateFormat.PKCS8
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return platform.private_key("merchant_test").private_bytes(serialization.Encoding.PEM, form, lock)


def ec_pem() -> bytes:
    form, lock = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(serialization.Encoding.PEM, form, lock)


def small_public() -> bytes:
    key = rsa.generate_private_key(65537, 1024).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_private_keys_of_both_forms_load_and_become_pkcs8(tmp_path: Path) -> None:
    for text in (pem("merchant_test").encode(), pkcs1()):
        key = keys.load_private_key(write(tmp_path, text))
        assert keys.private_pem(key) == pem("merchant_test")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(pem("merchant_test_public"), id="public key"),
        pytest.param(pem("merchant_test_certificate"), id="certificate"),
        pytest.param(pem("merchant_test")[:400], id="cut"),
        pytest.param(pkcs1(b"pass"), id="pass phrase"),
        pytest.param(ec_pem(), id="elliptic"),
    ],
)
def test_wrong_private_keys_are_one_sentence(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        keys.load_private_key(write(tmp_path, text))
    check_sentence(caught.value, "WECHATPAY_PRIVATE_KEY_PATH")


def test_public_key_and_certificate_load(tmp_path: Path) -> None:
    bare = keys.load_platform_key(write(tmp_path, pem("platform_test_public")), platform.KEY_ID)
    for serial in (SERIAL, SERIAL.lower()):
        certified = keys.load_platform_key(write(tmp_path, pem("platform_test_certificate")), serial)
        assert keys.public_pem(bare) == keys.public_pem(certified) == pem("platform_test_public")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(pem("platform_test_private"), id="private key"),
        pytest.param(pem("platform_test_certificate")[:300], id="cut"),
        pytest.param(pem("merchant_test_certificate"), id="another certificate"),
        pytest.param(small_public(), id="too small"),
    ],
)
def test_wrong_platform_keys_are_one_sentence(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        keys.load_platform_key(write(tmp_path, text), SERIAL)
    check_sentence(caught.value, "WECHATPAY_PUBLIC_KEY_PATH")


@pytest.mark.parametrize("name", [None, "absent.pem", "."])
def test_unreadable_files_are_one_sentence(tmp_path: Path, name: str | None) -> None:
    path = tmp_path / name if name else None
    for load in (keys.load_private_key, lambda p: keys.load_platform_key(p, SERIAL)):
        with pytest.raises(ConfigError) as caught:
            load(path)
        check_sentence(caught.value, "WECHATPAY_P")


def check_sentence(error: ConfigError, setting: str) -> None:
    assert str(error).startswith(setting)
    assert "\n" not in str(error)
    assert "MII" not in str(error)


def test_the_client_is_made_from_settings(tmp_path: Path) -> None:
    (tmp_path / "private.pem").write_text(pem("merchant_test"))
    (tmp_path / "public.pem").write_text(pem("platform_test_public"))
    (tmp_path / "certificate.pem").write_text(pem("platform_test_certificate"))
    settings = Settings(
        public_base_url="https://h5.example.com/",
        wechat_app_id=constant("appid"),
        wechatpay_mch_id=constant("mchid"),
        wechatpay_api_v3_key=platform.API_V3_KEY,  # pyright: ignore[reportArgumentType]
        wechatpay_cert_serial=constant("merchant_serial"),
        wechatpay_private_key_path=tmp_path / "private.pem",
        wechatpay_public_key_id=platform.KEY_ID,
        wechatpay_public_key_path=tmp_path / "public.pem",
    )
    assert client.WeChatPayV3.from_settings(settings, certificates={SERIAL: tmp_path / "certificate.pem"})
    with pytest.raises(ConfigError, match="is the certificate"):
        client.WeChatPayV3.from_settings(settings, certificates={"77AA": tmp_path / "certificate.pem"})
