"""Is this notice from WeChat Pay, and what does it say? Pure: keys, message and clock in, typed value out.

The order of the checks matters: cheap and certain ones first, and nothing is parsed that is not signed.
wechatpayv3's own `callback` accepts a message of yesterday and calls out for a serial it does not know,
so only its primitives are used, behind our checks.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from wechatpayv3.utils import aes_decrypt, rsa_verify

from app.gateways.pay import wire
from app.gateways.pay.keys import HasKeys, normal_serial
from app.gateways.pay.port import NoticeRejected, PaymentNoticeData, RefundNoticeData, RejectReason
from app.gateways.transport import loads_object

SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
AEAD = "AEAD_AES_256_GCM"
# The ciphertext alone may have 2**20 characters (document of the notice).
MAX_BODY = 1_200_000
MAX_AGE_SECONDS = 300
_HEADERS = ("timestamp", "nonce", "signature", "serial", "signature-type")
_TIMESTAMP = re.compile(r"[0-9]{1,11}")


def parse_notice(
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    platform_keys: HasKeys,
    api_v3_key: str,
) -> PaymentNoticeData | RefundNoticeData:
    """The notice, if it is authentic and complete. NoticeRejected otherwise, never anything else."""
    envelope = _authentic_text(headers, body, now, platform_keys)
    try:
        return _read(loads_object(envelope), api_v3_key)
    except ValueError as exc:
        # The text of a ValueError may quote the message; its kind is enough for the log.
        detail = str(exc) if str(exc).isidentifier() else type(exc).__name__
    raise NoticeRejected(RejectReason.MALFORMED, detail)


def signature_matches(key: RSAPublicKey, timestamp: str, nonce: str, body: str, signature: str) -> bool:
    """Whether WeChat Pay signed this text; its SIGNTEST probe does not match."""
    try:
        base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return bool(rsa_verify(timestamp, nonce, body, signature, key))


def is_recent(timestamp: str, now: datetime) -> bool:
    """Whether this was signed within five minutes of now."""
    # int() also reads the digits of other scripts, which no signer writes.
    return _TIMESTAMP.fullmatch(timestamp) is not None and abs(now.timestamp() - int(timestamp)) <= MAX_AGE_SECONDS


def open_resource(api_v3_key: str, nonce: str, associated_data: str, ciphertext: str) -> str:
    """The decrypted text of a resource. NoticeRejected(decrypt) if our key or the associated data does not open it."""
    try:
        plain = aes_decrypt(nonce, ciphertext, associated_data, api_v3_key)
    except ValueError:
        plain = None
    if not isinstance(plain, str):
        raise NoticeRejected(RejectReason.DECRYPT)
    return plain


def _authentic_text(headers: Mapping[str, str], body: bytes, now: datetime, platform_keys: HasKeys) -> str:
    if len(body) > MAX_BODY:
        raise NoticeRejected(RejectReason.TOO_LARGE)
    lower = {name.lower(): value for name, value in headers.items()}
    found = [lower.get(f"wechatpay-{name}", "") for name in _HEADERS]
    if not all(found):
        raise NoticeRejected(RejectReason.MISSING_HEADER)
    timestamp, nonce, signature, serial, signature_type = found
    if not is_recent(timestamp, now):
        raise NoticeRejected(RejectReason.TIMESTAMP)
    key = platform_keys.get(normal_serial(serial))
    if key is None:
        raise NoticeRejected(RejectReason.SERIAL)
    if signature_type != SIGNATURE_TYPE:
        raise NoticeRejected(RejectReason.SIGNATURE, "type")
    try:
        text = body.decode()
        good = signature_matches(key, timestamp, nonce, text, signature)
    except UnicodeError:
        raise NoticeRejected(RejectReason.SIGNATURE, "not UTF-8") from None
    if not good:
        raise NoticeRejected(RejectReason.SIGNATURE)
    return text


def _read(envelope: wire.Json, api_v3_key: str) -> PaymentNoticeData | RefundNoticeData:
    resource = wire.section(envelope, "resource", required=True)
    if resource.get("algorithm") != AEAD:
        raise NoticeRejected(RejectReason.ALGORITHM)
    aad, ciphertext = resource.get("associated_data", ""), resource.get("ciphertext")
    aad = "" if aad is None else aad
    if not isinstance(aad, str) or not isinstance(ciphertext, str):
        raise ValueError("resource")
    plain = loads_object(open_resource(api_v3_key, wire.text(resource, "nonce"), aad, ciphertext))
    notice_id, event_type = wire.text(envelope, "id"), wire.text(envelope, "event_type")
    created_at = wire.moment(envelope, "create_time")
    if event_type.startswith("TRANSACTION."):
        return PaymentNoticeData(notice_id, event_type, created_at, wire.transaction(plain))
    if event_type.startswith("REFUND."):
        refund = wire.refund(plain, status_field="refund_status")
        return RefundNoticeData(notice_id, event_type, created_at, wire.text(plain, "mchid"), refund)
    raise ValueError("event_type")
