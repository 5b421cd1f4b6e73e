"""Fetching a bill: unzipped onto disk in pieces, so that its size does not matter, and checked against its digest."""

import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import requests

from app.core.errors import GatewayError
from app.gateways.pay import wire
from app.gateways.pay.answers import refusal
from app.gateways.pay.port import PROVIDER, Bill, BillDamaged

PIECE = 64 * 1024
MAX_BYTES = 2 * 1024**3
GZIP = b"\x1f\x8b"
Headers = Callable[[str], dict[str, str]]


def address_in(answer: wire.Json, base_url: str) -> tuple[str, str]:
    """Where the bill is and the SHA-1 of its unzipped bytes; only WeChat Pay's own host is sent a signed request."""
    url, digest = answer.get("download_url"), answer.get("hash_value")
    if not isinstance(url, str) or len(url) > 2048 or not isinstance(digest, str):
        raise ValueError("download_url")
    if answer.get("hash_type") != "SHA1" or len(digest) != 40:
        raise ValueError("hash_type")
    if urlsplit(url)[:2] != urlsplit(base_url)[:2]:
        raise ValueError("download_url")
    return url, digest.lower()


@contextmanager
def fetch(url: str, digest: str, headers: Headers, timeout: tuple[float, float]) -> Iterator[Bill]:
    """The bill in a file of its own that is gone afterwards. BillDamaged, GatewayError."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    with tempfile.TemporaryFile() as file:
        sha1 = _download(url, headers(path), timeout, cast("BinaryIO", file))
        if sha1 != digest:
            raise BillDamaged(PROVIDER, "bill_digest", "the unzipped bytes have another SHA-1", retryable=True)
        file.seek(0)
        yield Bill(cast("BinaryIO", file), sha1)


def _download(url: str, headers: dict[str, str], timeout: tuple[float, float], file: BinaryIO) -> str:
    error: GatewayError
    try:
        with requests.get(url, headers=headers, timeout=timeout, stream=True, allow_redirects=False) as answer:
            if answer.status_code != 200:
                raise refusal(answer.status_code, answer.raw.read(PIECE, decode_content=True))
            return _unzip(answer.iter_content(PIECE), file)
    except requests.Timeout:
        error = GatewayError(PROVIDER, "timeout", retryable=True)
    except requests.RequestException as exc:
        error = GatewayError(PROVIDER, "unreachable", type(exc).__name__, retryable=True)
    except zlib.error:
        error = BillDamaged(PROVIDER, "bill_gzip", "cannot be unzipped", retryable=True)
    raise error


def _unzip(pieces: Iterator[bytes], file: BinaryIO) -> str:
    """Write the plain bytes, say their SHA-1. A server that unzips on its own (Content-Encoding) is understood too."""
    digest, size, unzip = hashlib.sha1(usedforsecurity=False), 0, None
    first = True
    for piece in pieces:
        if first:
            unzip = zlib.decompressobj(16 + zlib.MAX_WBITS) if piece.startswith(GZIP) else None
            first = False
        for plain in _expanded(piece, unzip):
            size += len(plain)
            if size > MAX_BYTES:
                raise BillDamaged(PROVIDER, "bill_size", "larger than any bill")
            digest.update(plain)
            file.write(plain)
    if unzip is not None and not unzip.eof:
        raise zlib.error("cut short")
    return digest.hexdigest()


def _expanded(piece: bytes, unzip: "zlib._Decompress | None") -> Iterator[bytes]:
    """The plain bytes of a piece, never much more than a piece at once, however well it was packed."""
    if unzip is None:
        yield piece
        return
    while piece:
        yield unzip.decompress(piece, PIECE * 16)
        piece = unzip.unconsumed_tail
