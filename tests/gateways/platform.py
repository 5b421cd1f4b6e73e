"""WeChat Pay's side of the wire, written against the documents with `cryptography` alone."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509 import load_pem_x509_certificate

from tests.gateways.vectors import constant, pem

KEY_ID = constant("platform_public_key_id")
CERTIFICATE_SERIAL = constant("platform_serial")
API_V3_KEY = constant("apiv3_key")
TRANSACTION: dict[str, Any] = {
    "appid": constant("appid"),
    "mchid": constant("mchid"),
    "out_trade_no": "CAR20250101000001",
    "transaction_id": "4200002551202501010000000001",
    "trade_type": "JSAPI",
    "trade_state": "SUCCESS",
    "trade_state_desc": "支付成功",
    "bank_type": "CMB_DEBIT",
    "success_time": "2025-01-01T12:01:30+08:00",
    "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    "amount": {"total": 199900, "payer_total": 199900, "currency": "CNY", "payer_currency": "CNY"},
}
REFUND: dict[str, Any] = {
    "mchid": constant("mchid"),
    "refund_id": "50300002552025010100000000001",
    "out_refund_no": "RF20250101000001",
    "transaction_id": "4200002551202501010000000001",
    "out_trade_no": "CAR20250101000001",
    "status": "PROCESSING",
    "refund_status": "SUCCESS",
    "amount": {"total": 199900, "refund": 99900, "payer_total": 199900, "payer_refund": 99900, "currency": "CNY"},
}


def private_key(name: str) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(pem(name).encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


def public_key(name: str) -> RSAPublicKey:
    text = pem(name).encode()
    key = (
        load_pem_x509_certificate(text).public_key()
        if b"CERTIFICATE" in text
        else serialization.load_pem_public_key(text)
    )
    assert isinstance(key, RSAPublicKey)
    return key


PLATFORM = private_key("platform_test_private")


def sign(message: str, key: RSAPrivateKey = PLATFORM) -> str:
    return base64.b64encode(key.sign(message.encode(), PKCS1v15(), hashes.SHA256())).decode()


def signed_headers(body: str, timestamp: int, serial: str = KEY_ID, nonce: str = "n0nce") -> dict[str, str]:
    """The headers WeChat Pay puts on answers and notices."""
    return {
        "Wechatpay-Timestamp": str(timestamp),
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        "Wechatpay-Signature": sign(f"{timestamp}\n{nonce}\n{body}\n"),
    }


def encrypt(plain: str, aad: str = "transaction", nonce: str = "abcdefghijkl", key: str = API_V3_KEY) -> dict[str, str]:
    """A resource as it stands in a notice."""
    secret = AESGCM(key.encode()).encrypt(nonce.encode(), plain.encode(), aad.encode())
    return {
        "original_type": aad,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(secret).decode(),
        "associated_data": aad,
        "nonce": nonce,
    }


def envelope(resource: object, event_type: str = "TRANSACTION.SUCCESS", **more: object) -> dict[str, object]:
    return {
        "id": "EV-1",
        "create_time": "2025-01-01T12:01:31+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": "支付成功",
        "resource": resource,
        **more,
    }


def notice(plain: Mapping[str, Any] | str, event_type: str = "TRANSACTION.SUCCESS") -> str:
    """The body of a notice with this content."""
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return json.dumps(envelope(encrypt(text), event_type), ensure_ascii=False)


def request_is_signed(method: str, path: str, body: bytes, authorization: str) -> bool:
    """Whether the merchant's Authorization header covers this request."""
    scheme, _, rest = authorization.partition(" ")
    field = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    message = f"{method}\n{path}\n{field['timestamp']}\n{field['nonce_str']}\n{body.decode()}\n"
    public_key("merchant_test_public").verify(
        base64.b64decode(field["signature"]), message.encode(), PKCS1v15(), hashes.SHA256()
    )
    return (scheme, field["mchid"], field["serial_no"]) == (
        "WECHATPAY2-SHA256-RSA2048",
        constant("mchid"),
        constant("merchant_serial"),
    )
