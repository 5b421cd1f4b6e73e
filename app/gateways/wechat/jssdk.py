"""The JS-SDK signature and which addresses may get one. Pure."""

import hashlib
from collections.abc import Collection
from urllib.parse import urlsplit

MAX_URL = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}


def page_url(href: str) -> str:
    """The address that WeChat checks: everything before the first #, untouched."""
    return href.split("#", 1)[0]


def js_signature(ticket: str, nonce_str: str, timestamp: int, url: str) -> str:
    """The signature of `wx.config` for a page address; values go in raw (JS-SDK document, appendix 1)."""
    text = f"jsapi_ticket={ticket}&noncestr={nonce_str}&timestamp={timestamp}&url={page_url(url)}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def signable(url: str, hosts: Collection[str]) -> bool:
    """Whether the address is a page of one of our hosts (`name` for the default ports, or `name:port`).

    Otherwise the signing endpoint would lend our JS-SDK rights to anyone.
    """
    # Browsers drop or rewrite these characters, so what we compare would not be what they open.
    if len(url) > MAX_URL or "\\" in url or any(c <= " " or c == "\x7f" for c in url):
        return False
    try:
        parts = urlsplit(page_url(url))
        port, host = parts.port, parts.hostname
    except ValueError:
        return False
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return False
    default = port is None or port == _DEFAULT_PORTS[parts.scheme]
    known = {name.lower() for name in hosts}
    return (default and host in known) or f"{host}:{port or _DEFAULT_PORTS[parts.scheme]}" in known
