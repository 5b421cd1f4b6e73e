"""Text messages: the TC3 signature by the published recipe, the provider's errors, the inbox."""

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from sandbox.server import RunningSandbox

ACTION = {"X-TC-Action": "SendSms", "X-TC-Version": "2021-01-11", "X-TC-Region": "ap-guangzhou"}


def send(
    sandbox: RunningSandbox, *, secret: str = "", secret_id: str = "", age: int = 0, headers: Any = None, **changes: Any
) -> dict[str, Any]:
    env = sandbox.env
    body = {
        "PhoneNumberSet": ["+8613800138000"],
        "SmsSdkAppId": env["SMS_SDK_APP_ID"],
        "SignName": env["SMS_SIGN_NAME"],
        "TemplateId": env["SMS_TEMPLATE_CODE"],
        "TemplateParamSet": ["246810", "5"],
    } | changes
    payload = json.dumps({name: value for name, value in body.items() if value is not None})
    stamp = int(time.time()) - age
    day = f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d}"
    host = sandbox.url.removeprefix("http://")
    digest = hashlib.sha256(payload.encode()).hexdigest()
    canonical = f"POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n{digest}"
    text = f"TC3-HMAC-SHA256\n{stamp}\n{day}/sms/tc3_request\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{secret or env['SMS_SECRET_KEY']}".encode()
    for part in (day, "sms", "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{secret_id or env['SMS_SECRET_ID']}/{day}/sms/tc3_request"
    authorization = f"TC3-HMAC-SHA256 Credential={credential}, SignedHeaders=content-type;host, Signature={signature}"
    sent = {"Authorization": authorization, "Content-Type": "application/json", "X-TC-Timestamp": str(stamp)}
    reply = requests.post(sandbox.url + "/", data=payload, headers={**sent, **ACTION, **(headers or {})})
    assert reply.status_code == 200
    return reply.json()["Response"]


def inbox(sandbox: RunningSandbox, phone: str = "13800138000") -> list[dict[str, Any]]:
    return requests.get(sandbox.url + "/sim/sms", {"phone": phone}).json()["messages"]


def test_message_arrives_in_the_inbox(sandbox: RunningSandbox) -> None:
    (status,) = send(sandbox)["SendStatusSet"]
    assert (status["Code"], status["PhoneNumber"], status["Fee"]) == ("Ok", "+8613800138000", 1)
    (message,) = inbox(sandbox)
    assert message["text"] == "【展厅沙箱】您的验证码是246810，5分钟内有效。如非本人操作，请忽略本短信。"
    assert (message["code"], message["id"]) == ("246810", status["SerialNo"])
    assert inbox(sandbox, "13900139000") == []
    assert "246810" in requests.get(sandbox.url + "/sms").text


def test_the_notice_has_a_template_of_its_own(sandbox: RunningSandbox) -> None:
    """The shop's settings name it, so that texts about money are sent while developing too."""
    number = sandbox.env["SMS_TEMPLATE_NOTICE"]
    assert number != sandbox.env["SMS_TEMPLATE_CODE"]
    words = ["付款将退回", "岫 S5", "¥1,000 将自动原路退回"]
    (status,) = send(sandbox, TemplateId=number, TemplateParamSet=words)["SendStatusSet"]
    assert status["Code"] == "Ok"
    assert inbox(sandbox)[0]["text"] == "【展厅沙箱】付款将退回：岫 S5，¥1,000 将自动原路退回。"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret": "x" * 32}, "AuthFailure.SignatureFailure"),
        ({"secret_id": "AKIDnobody"}, "AuthFailure.SecretIdNotFound"),
        ({"age": 301}, "AuthFailure.SignatureExpire"),
        ({"headers": {"Authorization": "Bearer x"}}, "AuthFailure.InvalidAuthorization"),
        ({"headers": {"X-TC-Action": "Other"}}, "InvalidAction"),
        ({"headers": {"X-TC-Version": "2019-07-11"}}, "NoSuchVersion"),
        ({"TemplateId": None}, "MissingParameter"),
        ({"PhoneNumberSet": []}, "InvalidParameterValue"),
    ],
)
def test_request_errors_are_the_providers(sandbox: RunningSandbox, changes: dict[str, Any], code: str) -> None:
    assert send(sandbox, **changes)["Error"]["Code"] == code
    assert inbox(sandbox) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PhoneNumberSet": ["12345"]}, "InvalidParameterValue.IncorrectPhoneNumber"),
        ({"SignName": "别家"}, "FailedOperation.SignatureIncorrectOrUnapproved"),
        ({"TemplateId": "9"}, "FailedOperation.TemplateIncorrectOrUnapproved"),
        ({"TemplateParamSet": ["1"]}, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
        ({"SmsSdkAppId": "1"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
    ],
)
def test_number_errors_are_the_providers(sandbox: RunningSandbox, changes: dict[str, Any], code: str) -> None:
    assert send(sandbox, **changes)["SendStatusSet"][0]["Code"] == code
    assert inbox(sandbox) == []
