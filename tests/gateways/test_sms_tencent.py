"""Text messages by Tencent Cloud: signed as documented, refused in types, silent about numbers."""

import hashlib
import hmac
import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
import time_machine

from app.core.config import Settings
from app.core.errors import GatewayError
from app.gateways.sms.port import SmsGateway, SmsLimited, SmsTemplate
from app.gateways.sms.tencent import TencentSms, tc3_authorization
from tests.gateways.stub import StubServer, body_of, hold, reply

URL = "https://sms.tencentcloudapi.com/"
NOW = datetime(2025, 1, 1, 23, 59, 59, tzinfo=UTC)
PHONE = "13800138000"
CODE = "482913"


def make_sms(base_url: str = URL, **changes: Any) -> TencentSms:
    values: dict[str, Any] = {
        "base_url": base_url,
        "secret_id": "AKIDEXAMPLE",
        "secret_key": "throw-away",
        "sdk_app_id": "1400006666",
        "sign_name": "展厅",
        "templates": {SmsTemplate.VERIFICATION_CODE: "1110"},
    }
    return TencentSms(**{**values, **changes})


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def ok(code: str = "Ok") -> dict[str, object]:
    result = {"SerialNo": "5000:1045710669157053657849499619", "PhoneNumber": f"+86{PHONE}", "Fee": 1, "Code": code}
    return {"Response": {"SendStatusSet": [result], "RequestId": "a0aabda6"}}


def send(sms: TencentSms) -> str:
    return sms.send(SmsTemplate.VERIFICATION_CODE, PHONE, [CODE, "5"], key="code-1")


def test_the_published_example_of_the_signature() -> None:
    """Tencent Cloud's document of signature v3 (DescribeInstances), with its sample credentials."""
    header = tc3_authorization(
        "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
        "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
        service="cvm",
        headers={"Host": "cvm.tencentcloudapi.com", "Content-Type": "application/json; charset=utf-8"},
        payload=rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}',
        timestamp=1551113065,
    )
    assert header == (
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
    )


def derive(secret: str, day: str, payload: bytes, timestamp: str, host: str) -> str:
    """The signature again, step by step from the document, sharing nothing with the code under test."""
    canonical = (
        "POST\n/\n\n"
        "content-type:application/json; charset=utf-8\n"
        f"host:{host}\n"
        "x-tc-action:sendsms\n"
        "\ncontent-type;host;x-tc-action\n" + hashlib.sha256(payload).hexdigest()
    )
    to_sign = f"TC3-HMAC-SHA256\n{timestamp}\n{day}/sms/tc3_request\n" + hashlib.sha256(canonical.encode()).hexdigest()
    date = hmac.new(b"TC3" + secret.encode(), day.encode(), hashlib.sha256).digest()
    service = hmac.new(date, b"sms", hashlib.sha256).digest()
    signing = hmac.new(service, b"tc3_request", hashlib.sha256).digest()
    return hmac.new(signing, to_sign.encode(), hashlib.sha256).hexdigest()


@time_machine.travel(NOW, tick=False)
def test_a_code_is_sent_as_documented(upstream: responses.RequestsMock) -> None:
    upstream.post(URL, json=ok())
    gateway: SmsGateway = make_sms()
    message_id = gateway.send(SmsTemplate.VERIFICATION_CODE, PHONE, ["482913", "5"], key="code-1")
    assert message_id == "5000:1045710669157053657849499619"
    request = upstream.calls[0].request
    body = body_of(request)
    assert json.loads(body) == {
        "PhoneNumberSet": ["+8613800138000"],
        "SmsSdkAppId": "1400006666",
        "SignName": "展厅",
        "TemplateId": "1110",
        "TemplateParamSet": ["482913", "5"],
        "SessionContext": "code-1",
    }
    head = request.headers
    assert (head["X-TC-Action"], head["X-TC-Version"], head["X-TC-Region"]) == ("SendSms", "2021-01-11", "ap-guangzhou")
    stamp = str(head["X-TC-Timestamp"])
    assert stamp == str(int(NOW.timestamp()))
    expected = derive("throw-away", "2025-01-01", body, stamp, "sms.tencentcloudapi.com")
    assert head["Authorization"] == (
        "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2025-01-01/sms/tc3_request, "
        f"SignedHeaders=content-type;host;x-tc-action, Signature={expected}"
    )


def test_the_host_that_is_signed_is_the_host_that_is_sent() -> None:
    heard: list[bytes] = []

    with StubServer(lambda _: reply(200, json.dumps(ok()).encode()), heard.append) as server:
        send(make_sms(server.url))
    host = server.url.removeprefix("http://")
    assert f"\r\nHost: {host}\r\n".encode() in heard[0]
    assert heard[0].startswith(b"POST / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "phone",
    ["", "1380013800", "+8613800138000", "12800138000", "138001380001", "１３８００１３８０００", "13800138000\n"],
)
def test_only_mainland_mobile_numbers_are_sent_to(phone: str) -> None:
    with pytest.raises(ValueError, match="mobile") as caught:
        make_sms().send(SmsTemplate.VERIFICATION_CODE, phone, ["1"], key="k")
    assert not phone or phone not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("LimitExceeded.PhoneNumberDailyLimit", SmsLimited, False),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", SmsLimited, False),
        ("FailedOperation.SignatureIncorrectOrUnapproved", GatewayError, False),
        ("InternalError.Timeout", GatewayError, True),
        ("RequestLimitExceeded", GatewayError, True),
        ("AuthFailure.SignatureFailure", GatewayError, False),
    ],
)
@pytest.mark.parametrize("place", ["status", "error"])
def test_refusals_have_types(
    upstream: responses.RequestsMock, place: str, code: str, kind: type[GatewayError], retryable: bool
) -> None:
    error = {"Response": {"Error": {"Code": code, "Message": f"no for +86{PHONE}"}, "RequestId": "r"}}
    upstream.post(URL, json=ok(code) if place == "status" else error)
    with pytest.raises(GatewayError) as caught:
        send(make_sms())
    assert type(caught.value) is kind
    assert (caught.value.provider, caught.value.code, caught.value.retryable) == ("sms", code, retryable)
    assert PHONE not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b"<html>", "bad_answer"),
        (200, b"", "bad_answer"),
        (200, b"\xff", "bad_answer"),
        (200, b"[]", "bad_answer"),
        (200, b"{}", "bad_answer"),
        (200, b'{"Response":[]}', "bad_answer"),
        (200, b'{"Response":{}}', "bad_answer"),
        (200, b'{"Response":{"SendStatusSet":[]}}', "bad_answer"),
        (200, b'{"Response":{"SendStatusSet":[7]}}', "bad_answer"),
        (200, b'{"Response":{"SendStatusSet":[{"Code":"Ok"}]}}', "bad_answer"),
        (200, b'{"Response":{"SendStatusSet":[{"Code":7}]}}', "unknown"),
        (200, b'{"Response":{"Error":{}}}', "unknown"),
        (302, b"", "http_302"),
        (429, b"", "http_429"),
        (502, b"<html>", "http_502"),
    ],
)
def test_broken_answers_are_gateway_errors(
    upstream: responses.RequestsMock, status: int, body: bytes, code: str
) -> None:
    upstream.post(URL, status=status, body=body)
    with pytest.raises(GatewayError) as caught:
        send(make_sms())
    assert caught.value.code == code


def test_a_silent_upstream_ends_in_a_timeout_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with StubServer(hold) as server, pytest.raises(GatewayError) as caught:
        send(make_sms(server.url, timeout=(0.2, 0.2)))
    assert (caught.value.code, caught.value.retryable) == ("timeout", True)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert caught.value.__context__ is None
    assert not any(secret in told for secret in (PHONE, CODE, "throw-away"))


def test_the_gateway_is_made_from_settings(upstream: responses.RequestsMock) -> None:
    settings = Settings(
        sms_api_base_url="https://sms.example.com",
        sms_secret_id="id",
        sms_secret_key="key",  # pyright: ignore[reportArgumentType]
        sms_sdk_app_id="1400000001",
        sms_sign_name="展厅",
        sms_template_code="42",
    )
    upstream.post("https://sms.example.com/", json=ok())
    assert send(TencentSms.from_settings(settings))
    assert json.loads(body_of(upstream.calls[0].request))["TemplateId"] == "42"


def test_a_refused_connection_carried_nothing_and_a_broken_one_may_have() -> None:
    with StubServer(hold) as server:
        closed = server.url
    with pytest.raises(GatewayError) as caught:
        send(make_sms(closed))
    assert caught.value.code == "unreachable"
    with StubServer(lambda _path: b"") as server, pytest.raises(GatewayError) as caught:
        send(make_sms(server.url))
    assert caught.value.code == "cut_off"
