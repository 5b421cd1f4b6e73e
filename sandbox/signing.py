"""WeChat Pay v3 cryptography: verify the merchant, sign answers and notices, encrypt resources."""

import base64
import binascii
import re
from sqlite3 import IntegrityError
from typing import NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from flask import Request

from sandbox import constants, keys
from sandbox.world import World

FIELD = re.compile(r'\s*([a-z_]+)="([^"]*)"\s*')
NEEDED = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}


class PayError(Exception):
    """A refusal of the Pay API: HTTP status, code, message and optional detail."""

    def __init__(self, status: int, code: str, message: str, detail: object = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message, self.detail = status, code, message, detail


def check_request(here: World, request: Request) -> None:
    """The request was signed by the merchant just now and is no repetition; PayError otherwise."""
    kind, _, rest = request.headers.get("Authorization", "").partition(" ")
    if kind != constants.SIGN_TYPE:
        _refuse("authorization", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
    fields = {match[1]: match[2] for part in rest.split(",") if (match := FIELD.fullmatch(part))}
    if set(fields) != NEEDED:
        _refuse("authorization", "Http头Authorization缺少字段")
    if fields["mchid"] != constants.MCH_ID:
        raise PayError(401, "SIGN_ERROR", "商户号不存在")
    if fields["serial_no"].upper() != here.keys.cert_serial:
        _refuse("serial_no", "商户证书序列号有误，请使用签名私钥匹配的证书序列号")
    if not fields["timestamp"].isdigit() or abs(here.now() - int(fields["timestamp"])) > constants.CLOCK_SKEW_S:
        _refuse("timestamp", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    # REQUEST_URI is the path as sent: the signature covers it encoded.
    url = request.environ.get("REQUEST_URI") or request.full_path.rstrip("?")
    body = request.get_data()
    head = f"{request.method}\n{url}\n{fields['timestamp']}\n{fields['nonce_str']}\n"
    message = head.encode() + body + b"\n"
    if not verify(here.keys.merchant_public, message, fields["signature"]):
        detail = {
            "field": "signature",
            "issue": "sign not match",
            "location": "authorization",
            "sign_information": {
                "method": request.method,
                "url": url,
                "truncated_sign_message": head,
                "sign_message_length": len(message),
            },
        }
        raise PayError(401, "SIGN_ERROR", "错误的签名，验签失败", detail)
    try:
        here.store.insert("nonces", nonce=fields["nonce_str"], at=here.now())
    except IntegrityError:
        _refuse("nonce_str", "nonce_str 重复使用")
    here.store.execute("DELETE FROM nonces WHERE at < ?", here.now() - 2 * constants.CLOCK_SKEW_S)
    wanted = request.headers.get("Wechatpay-Serial")
    if wanted and wanted not in keys.serials(here):
        raise PayError(400, "INVALID_REQUEST", "Http头Wechatpay-Serial与微信支付公钥ID不一致")


def _refuse(field: str, message: str) -> NoReturn:
    raise PayError(401, "SIGN_ERROR", message, {"field": field, "location": "authorization"})


def verify(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """True for a base64 RSA-SHA256 signature of this message."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def signed_headers(here: World, body: bytes, *, timestamp: int | None = None) -> dict[str, str]:
    """The five headers with which WeChat Pay vouches for a body."""
    moment = str(int(here.now()) if timestamp is None else timestamp)
    nonce = here.hexes("answer_nonce", 32)
    message = f"{moment}\n{nonce}\n".encode() + body + b"\n"
    serial, key = keys.signer(here)
    signature = key.sign(message, PKCS1v15(), SHA256())
    return {
        "Wechatpay-Timestamp": moment,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": constants.SIGN_TYPE,
    }


def opened(here: World, text: str) -> str | None:
    """What the merchant encrypted for us (RSAES-OAEP with SHA-1), whichever of our keys it took, or None."""
    for key in keys.private_keys(here):
        try:
            return key.decrypt(base64.b64decode(text, validate=True), OAEP(MGF1(SHA1()), SHA1(), None)).decode()
        except (ValueError, binascii.Error):
            continue
    return None


def sealed(here: World, plaintext: str, original_type: str) -> dict[str, str]:
    """The encrypted `resource` of a notice: AES-256-GCM with the APIv3 key."""
    nonce = here.hexes("resource_nonce", 12)
    cipher = AESGCM(here.keys.api_v3_key.encode()).encrypt(nonce.encode(), plaintext.encode(), original_type.encode())
    return {
        "original_type": original_type,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(cipher).decode(),
        "associated_data": original_type,
        "nonce": nonce,
    }
