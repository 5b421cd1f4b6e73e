"""Profile pictures: fetched from WeChat's own hosts only, bounded in size and time."""

from collections.abc import Collection
from urllib.parse import urlsplit

import requests

from app.core.errors import GatewayError
from app.gateways.transport import limit_session
from app.gateways.wechat.port import PROVIDER

MAX_BYTES = 512 * 1024
HOSTS = (".qlogo.cn",)


class PictureHost:
    """Where a profile's picture may come from: WeChat's picture hosts over https, or the hosts the settings name."""

    def __init__(self, own: Collection[str], timeout: tuple[float, float]) -> None:
        self.own = frozenset(name.lower() for name in own)
        self.http = limit_session(requests.Session(), timeout)

    def allows(self, url: str) -> bool:
        """Whether this address may be fetched; anything else could make us call into our own network."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower()
            port = parts.port
        except ValueError:
            return False
        if "@" in parts.netloc:
            return False
        if parts.netloc.lower() in self.own and parts.scheme in {"http", "https"}:
            return True
        # WeChat hands out http addresses for these hosts now and then; they all serve https.
        return parts.scheme in {"http", "https"} and port is None and host.endswith(HOSTS)


def fetch(host: PictureHost, url: str) -> bytes:
    """The bytes of the picture. GatewayError."""
    if not host.allows(url):
        raise GatewayError(PROVIDER, "foreign_picture")
    if urlsplit(url).netloc.lower() not in host.own:
        url = "https" + url[url.index(":") :]
    try:
        with host.http.get(url, stream=True) as answer:
            if answer.status_code != 200:
                error = GatewayError(PROVIDER, f"http_{answer.status_code}")
            else:
                content = b""
                for piece in answer.iter_content(65536):
                    content += piece
                    if len(content) > MAX_BYTES:
                        break
                else:
                    return content
                error = GatewayError(PROVIDER, "picture_too_big")
    except requests.RequestException as exc:
        error = GatewayError(PROVIDER, "unreachable", type(exc).__name__, retryable=True)
    raise error
