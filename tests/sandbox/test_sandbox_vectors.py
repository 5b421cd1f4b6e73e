"""The published examples that a server has to judge: Authorization headers, and names sealed for it."""

from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from flask import Request
from werkzeug.test import EnvironBuilder

from sandbox import constants, keys, signing
from tests.gateways.vectors import cases, pem


class Nonces:
    """A store that has seen no nonce."""

    def insert(self, table: str, **row: Any) -> None:
        assert table == "nonces"

    def execute(self, *_statement: Any) -> None:
        return None


@pytest.mark.parametrize("case", cases("pay_v3_authorization_header"))
def test_authorization_headers_are_judged_as_published(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "MCH_ID", case["mchid"])
    public = load_pem_public_key(pem(case["public_key"]).encode())
    here: Any = SimpleNamespace(
        keys=SimpleNamespace(merchant_public=public, cert_serial=case["serial_no"]),
        now=lambda: float(case["timestamp"]),
        store=Nonces(),
    )
    path, _, query = case["url"].partition("?")
    builder = EnvironBuilder(path, method=case["method"], query_string=query, data=case["body"].encode())
    builder.headers["Authorization"] = case["authorization"]
    request = Request(builder.get_environ() | {"REQUEST_URI": case["url"]})
    if case["valid"]:
        signing.check_request(here, request)
    else:
        with pytest.raises(signing.PayError) as refused:
            signing.check_request(here, request)
        assert refused.value.code == "SIGN_ERROR"


@pytest.mark.parametrize("case", cases("pay_v3_sensitive_field"))
def test_sealed_fields_open_as_published(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the shop's card form seals for WeChat Pay is opened by the same code."""
    key = load_pem_private_key(pem(case["private_key"]).encode(), None)
    here: Any = SimpleNamespace()
    monkeypatch.setattr(keys, "private_keys", lambda _here: [key])
    assert signing.opened(here, case["ciphertext"]) == case["plaintext"]
    assert signing.opened(here, case["ciphertext"][:-8] + "AAAAAA==") is None
