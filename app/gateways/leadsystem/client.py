"""One signed POST for each event: HMAC-SHA256 over "<timestamp>.<raw body>", with an id that makes it count once."""

import hashlib
import hmac

import requests

from app.core import clock
from app.core.config import Settings
from app.core.errors import GatewayError
from app.gateways.leadsystem.port import PROVIDER
from app.gateways.transport import TIMEOUT, limit_session

CONTENT_TYPE = "application/json; charset=utf-8"
EVENT, TIMESTAMP, SIGNATURE = "X-Zhanting-Event-Id", "X-Zhanting-Timestamp", "X-Zhanting-Signature"


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of the signature header."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class LeadWebhook:
    """The production LeadSystem."""

    def __init__(self, url: str, secret: str, timeout: tuple[float, float] = TIMEOUT) -> None:
        self._url, self._secret = url, secret
        self._http = limit_session(requests.Session(), timeout)

    @classmethod
    def from_settings(cls, settings: Settings) -> "LeadWebhook":
        """The lead system of this deployment."""
        return cls(settings.leads_webhook_url, settings.leads_webhook_secret.get_secret_value())

    def tell(self, event_id: str, body: bytes) -> None:
        timestamp = str(int(clock.now().timestamp()))
        headers = {
            "Content-Type": CONTENT_TYPE,
            EVENT: event_id,
            TIMESTAMP: timestamp,
            SIGNATURE: sign(self._secret, timestamp, body),
        }
        try:
            status = self._http.post(self._url, data=body, headers=headers, allow_redirects=False).status_code
        except requests.Timeout:
            error = GatewayError(PROVIDER, "timeout", retryable=True)
        except requests.RequestException as exc:
            error = GatewayError(PROVIDER, "unreachable", type(exc).__name__, retryable=True)
        else:
            if 200 <= status < 300:
                return
            error = GatewayError(PROVIDER, f"http_{status}", retryable=True)
        # Outside the except blocks: the originals carry the request, and with it a number.
        raise error
