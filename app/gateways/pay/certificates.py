"""Platform certificates as `GET /v3/certificates` hands them out: each sealed with the APIv3 key."""

from collections.abc import Mapping
from datetime import datetime

from app.gateways.pay import wire
from app.gateways.pay.keys import platform_key_in
from app.gateways.pay.notices import AEAD, open_resource
from app.gateways.pay.port import PlatformCertificate

ASSOCIATED_DATA = "certificate"
MAX_CERTIFICATES = 20


def read_certificates(answer: wire.Json, api_v3_key: str, now: datetime) -> list[PlatformCertificate]:
    """The certificates that are good now. ValueError for an answer that is not what it should be.

    Opening the seal proves that somebody with the APIv3 key made it, which is how the first certificate is trusted.
    """
    rows = answer.get("data")
    if not isinstance(rows, list) or len(rows) > MAX_CERTIFICATES:
        raise ValueError("data")
    found: list[PlatformCertificate] = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise ValueError("data")
        sealed = wire.section(row, "encrypt_certificate", required=True)
        if sealed.get("algorithm") != AEAD or sealed.get("associated_data") != ASSOCIATED_DATA:
            raise ValueError("encrypt_certificate")
        ciphertext = sealed.get("ciphertext")
        if not isinstance(ciphertext, str):
            raise ValueError("ciphertext")
        pem = open_resource(api_v3_key, wire.text(sealed, "nonce"), ASSOCIATED_DATA, ciphertext)
        serial, until = wire.text(row, "serial_no"), wire.moment(row, "expire_time")
        platform_key_in(pem.encode(), serial, "/v3/certificates", serial)
        if wire.moment(row, "effective_time") <= now < until:
            found.append(PlatformCertificate(serial.upper(), pem, until))
    return found
