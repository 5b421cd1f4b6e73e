"""Tencent Cloud SMS (API 2021-01-11, action SendSms), signed with TC3-HMAC-SHA256."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

import requests

from app.core import clock
from app.core.config import Settings
from app.core.errors import GatewayError
from app.gateways.sms.port import PROVIDER, SmsLimited, SmsTemplate
from app.gateways.transport import TIMEOUT, limit_session, loads_object, never_connected

ALGORITHM = "TC3-HMAC-SHA256"
ACTION, VERSION, SERVICE = "SendSms", "2021-01-11", "sms"
REGION = "ap-guangzhou"
CONTENT_TYPE = "application/json; charset=utf-8"
_PHONE = re.compile(r"1[3-9][0-9]{9}")
_RETRYABLE = ("InternalError", "RequestLimitExceeded", "ResourceUnavailable")


def tc3_authorization(
    secret_id: str, secret_key: str, *, service: str, headers: Mapping[str, str], payload: bytes, timestamp: int
) -> str:
    """The Authorization header for a POST to `/` that carries exactly these headers and this body."""
    signed = {name.lower(): value.strip() for name, value in sorted(headers.items(), key=lambda h: h[0].lower())}
    # The action is compared in lower case; the other two signed headers are sent in it already.
    lines = "".join(f"{name}:{value.lower()}\n" for name, value in signed.items())
    names = ";".join(signed)
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(payload).hexdigest()}"
    day = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    scope = f"{day}/{service}/tc3_request"
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"TC3{secret_key}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={names}, Signature={signature}"


class TencentSms:
    """The production SmsGateway."""

    def __init__(
        self,
        *,
        base_url: str,
        secret_id: str,
        secret_key: str,
        sdk_app_id: str,
        sign_name: str,
        templates: Mapping[SmsTemplate, str],
        region: str = REGION,
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/"
        self._host = urlsplit(base_url).netloc
        self._secret_id, self._secret_key = secret_id, secret_key
        self._sdk_app_id, self._sign_name, self._region = sdk_app_id, sign_name, region
        self._templates = dict(templates)
        self._http = limit_session(requests.Session(), timeout)

    @classmethod
    def from_settings(cls, settings: Settings) -> "TencentSms":
        """The SMS account of this deployment."""
        return cls(
            base_url=settings.sms_api_base_url,
            secret_id=settings.sms_secret_id,
            secret_key=settings.sms_secret_key.get_secret_value(),
            sdk_app_id=settings.sms_sdk_app_id,
            sign_name=settings.sms_sign_name,
            templates={
                SmsTemplate.VERIFICATION_CODE: settings.sms_template_code,
                SmsTemplate.NOTICE: settings.sms_template_notice,
            },
        )

    def send(self, template: SmsTemplate, phone: str, params: list[str], *, key: str) -> str:
        """Send one message; the provider's id of it. No phone number and no parameter gets into an error."""
        if not _PHONE.fullmatch(phone):
            raise ValueError("not a mainland mobile number")
        body = {
            "PhoneNumberSet": [f"+86{phone}"],
            "SmsSdkAppId": self._sdk_app_id,
            "SignName": self._sign_name,
            "TemplateId": self._templates[template],
            "TemplateParamSet": params,
            "SessionContext": key,
        }
        return _message_id(self._post(json.dumps(body, ensure_ascii=False).encode()))

    def probe(self) -> str:
        """The provider's code for a signed request without a receiver: nothing is sent, the keys are proven."""
        body = {
            "PhoneNumberSet": [],
            "SmsSdkAppId": self._sdk_app_id,
            "SignName": self._sign_name,
            "TemplateId": self._templates[SmsTemplate.VERIFICATION_CODE],
        }
        try:
            _message_id(self._post(json.dumps(body, ensure_ascii=False).encode()))
        except GatewayError as refusal:
            return refusal.code
        return "Ok"

    def _post(self, payload: bytes) -> dict[str, Any]:
        timestamp = int(clock.now().timestamp())
        headers = {"Content-Type": CONTENT_TYPE, "Host": self._host, "X-TC-Action": ACTION}
        headers["Authorization"] = tc3_authorization(
            self._secret_id, self._secret_key, service=SERVICE, headers=headers, payload=payload, timestamp=timestamp
        )
        headers |= {"X-TC-Version": VERSION, "X-TC-Region": self._region, "X-TC-Timestamp": str(timestamp)}
        try:
            reply = self._http.post(self._url, data=payload, headers=headers)
            if reply.status_code == 200:
                return loads_object(reply.content)
            status = reply.status_code
            error = GatewayError(PROVIDER, f"http_{status}", retryable=status == 429 or status >= 500)
        except requests.ConnectTimeout:
            error = GatewayError(PROVIDER, "unreachable", "ConnectTimeout", retryable=True)
        except requests.Timeout:
            error = GatewayError(PROVIDER, "timeout", retryable=True)
        except requests.RequestException as exc:
            # A connection that broke may have carried the request; one that was never made has not.
            code = "unreachable" if never_connected(exc) else "cut_off"
            error = GatewayError(PROVIDER, code, type(exc).__name__, retryable=True)
        except ValueError:
            error = GatewayError(PROVIDER, "bad_answer", "not a JSON object", retryable=True)
        # Outside the except blocks: the originals carry the request, and with it number and code.
        raise error


def _message_id(answer: dict[str, Any]) -> str:
    response = _object(answer.get("Response"))
    if "Error" in response:
        raise _refusal(_object(response["Error"]).get("Code"))
    results = response.get("SendStatusSet")
    if not isinstance(results, list) or not results:
        raise GatewayError(PROVIDER, "bad_answer", "SendStatusSet")
    result = _object(cast("list[object]", results)[0])
    if result.get("Code") != "Ok":
        raise _refusal(result.get("Code"))
    serial = result.get("SerialNo")
    if not isinstance(serial, str) or not serial:
        raise GatewayError(PROVIDER, "bad_answer", "SerialNo")
    return serial


def _refusal(code: object) -> GatewayError:
    # The provider's message may quote the number; its code says enough.
    name = code[:100] if isinstance(code, str) else "unknown"
    kind = SmsLimited if name.startswith("LimitExceeded.") else GatewayError
    return kind(PROVIDER, name, retryable=name.startswith(_RETRYABLE))


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GatewayError(PROVIDER, "bad_answer", "not an object")
    return cast("dict[str, Any]", value)
