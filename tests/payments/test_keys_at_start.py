"""Key files are looked at when production starts; downloaded certificates are shared through the database."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.core import clock
from app.core.config import Settings
from app.core.errors import ConfigError
from app.factory import create_app
from app.gateways.pay.port import PlatformCertificate
from app.payments.services import certificates
from tests.conftest import make_settings
from tests.gateways import platform
from tests.gateways.vectors import constant, pem


def production(folder: Path, **changes: Any) -> Settings:
    (folder / "merchant.pem").write_text(pem("merchant_test"))
    (folder / "public.pem").write_text(pem("platform_test_public"))
    values: dict[str, Any] = {
        "zhanting_env": "production",
        "trusted_proxies": 1,
        "public_base_url": "https://shop.example",
        "wechatpay_api_v3_key": platform.API_V3_KEY,
        "wechatpay_mch_id": constant("mchid"),
        "wechatpay_public_key_id": platform.KEY_ID,
        "wechatpay_private_key_path": folder / "merchant.pem",
        "wechatpay_public_key_path": folder / "public.pem",
        **changes,
    }
    return make_settings(f"sqlite:///{folder / 'shop.db'}", folder, **values)


def test_production_starts_with_good_keys(tmp_path: Path) -> None:
    assert create_app(production(tmp_path))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"wechatpay_private_key_path": "gone.pem"}, "WECHATPAY_PRIVATE_KEY_PATH"),
        ({"wechatpay_private_key_path": "public.pem"}, "WECHATPAY_PRIVATE_KEY_PATH"),
        ({"wechatpay_public_key_path": "merchant.pem"}, "WECHATPAY_PUBLIC_KEY_PATH"),
        ({"wechatpay_public_key_id": "PUB_KEY_ID_1,PUB_KEY_ID_2"}, "WECHATPAY_PUBLIC_KEY_PATH"),
        ({"wechatpay_api_v3_key": "short"}, "WECHATPAY_API_V3_KEY"),
    ],
)
def test_a_wrong_key_stops_the_start_with_one_sentence(tmp_path: Path, change: dict[str, str], name: str) -> None:
    values = {key: tmp_path / text if text.endswith(".pem") else text for key, text in change.items()}
    with pytest.raises(ConfigError) as caught:
        create_app(production(tmp_path, **values))
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)
    assert "PRIVATE KEY-----\nM" not in str(caught.value)


class Downloads:
    """A merchant in certificate mode."""

    uses_certificates = True

    def __init__(self, *found: PlatformCertificate) -> None:
        self.found = list(found)

    def download_certificates(self) -> list[PlatformCertificate]:
        return self.found


def test_downloaded_certificates_are_kept_until_they_expire(app: Flask) -> None:
    now = clock.now()
    old = PlatformCertificate("AA", "old", now + timedelta(days=1))
    new = PlatformCertificate("BB", "new", now + timedelta(days=900))
    gateway: Any = Downloads(old)
    assert certificates.refresh(gateway, now) == 1
    gateway.found.append(new)
    assert certificates.refresh(gateway, now) == 1
    assert certificates.refresh(gateway, now) == 0
    assert certificates.stored() == {"AA": "old", "BB": "new"}
    gateway.found = [new]
    certificates.refresh(gateway, now + timedelta(days=2))
    assert certificates.stored() == {"BB": "new"}


def test_a_merchant_with_the_public_key_downloads_nothing(app: Flask) -> None:
    gateway: Any = Downloads()
    gateway.uses_certificates = False
    gateway.download_certificates = None
    assert certificates.refresh(gateway, clock.now()) == 0
