"""Tencent Cloud text messages (SendSms, version 2021-01-11): signature verified, message kept in an inbox."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from sqlite3 import Row
from typing import Any, NoReturn

from flask import Blueprint, Request, Response, request

from sandbox import constants
from sandbox.world import World, world

blueprint = Blueprint("sms", __name__)
ALGORITHM = "TC3-HMAC-SHA256"
AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/sms/tc3_request,\s*"
    r"SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})"
)
PHONE = re.compile(r"(?:\+86|0086|86)?(1[3-9]\d{9})")
VERSION = "2021-01-11"
MAX_PHONES = 200


class SmsError(Exception):
    """A refusal of the whole request, answered with HTTP 200 as the real API does."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


@blueprint.errorhandler(SmsError)
def refuse(error: SmsError) -> Response:
    """Response.Error with the provider's code."""
    world().store.log("refused", api="sms", code=error.code)
    return _answer({"Error": {"Code": error.code, "Message": error.message}})


@blueprint.post("/")
def send() -> Response:
    """SendSms: check the signature, then each number; delivered messages appear in the inbox."""
    here = world()
    check_signature(here, request)
    if request.headers.get("X-TC-Action") != "SendSms":
        _refuse("InvalidAction", "The request action is invalid or not supported.")
    if request.headers.get("X-TC-Version") != VERSION:
        _refuse("NoSuchVersion", "The requested version does not exist.")
    if not request.headers.get("X-TC-Region"):
        _refuse("MissingParameter", "The request is missing a required parameter `X-TC-Region`.")
    data = _body()
    problem = _problem(data)
    statuses = [_send_one(here, data, phone, problem) for phone in data["PhoneNumberSet"]]
    return _answer({"SendStatusSet": statuses})


def list_messages(here: World, phone: str = "", limit: int = 100) -> list[Row]:
    """The inbox, newest first; `phone` may be written with or without +86."""
    match = PHONE.fullmatch(phone.strip().replace(" ", "")) if phone else None
    wanted = f"+86{match[1]}" if match else phone
    return here.store.rows("SELECT * FROM sms WHERE ? IN ('', phone) ORDER BY rowid DESC LIMIT ?", wanted, limit)


def as_json(row: Row) -> dict[str, Any]:
    """One message for tests: text, parameters and, as a convenience, the first of them."""
    params = json.loads(row["params"])
    return {
        "id": row["id"],
        "phone": row["phone"],
        "sign_name": row["sign_name"],
        "template_id": row["template_id"],
        "params": params,
        "code": params[0] if params else None,
        "text": row["text"],
        "at": row["created_at"],
    }


def check_signature(here: World, request: Request) -> None:
    """TC3-HMAC-SHA256 over the request as received, at most five minutes old."""
    match = AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if match is None:
        _refuse("AuthFailure.InvalidAuthorization", "The `Authorization` header is invalid.")
    secret_id, date, signed, signature = match.groups()
    timestamp = request.headers.get("X-TC-Timestamp", "")
    if not timestamp.isdigit() or abs(here.now() - int(timestamp)) > constants.CLOCK_SKEW_S:
        _refuse("AuthFailure.SignatureExpire", "The provided signature is expired: check the system time.")
    if secret_id != here.keys.sms_secret_id:
        _refuse("AuthFailure.SecretIdNotFound", "The SecretId is not found, please ensure that it is correct.")
    names = signed.split(";")
    if not {"content-type", "host"} <= set(names):
        _refuse("AuthFailure.InvalidAuthorization", "SignedHeaders must contain content-type and host.")
    scope = f"{datetime.fromtimestamp(int(timestamp), UTC):%Y-%m-%d}/sms/tc3_request"
    headers = "".join(f"{name}:{request.headers.get(name, '').strip().lower()}\n" for name in names)
    digest = hashlib.sha256(request.get_data()).hexdigest()
    canonical = f"{request.method}\n{request.path}\n{request.query_string.decode()}\n{headers}\n{signed}\n{digest}"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"TC3{here.keys.sms_secret_key}".encode()
    for part in (date, "sms", "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.new(key, f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashed}".encode(), "sha256").hexdigest()
    if not hmac.compare_digest(expected, signature):
        _refuse(
            "AuthFailure.SignatureFailure",
            "The provided credentials could not be validated. Please check your signature is correct.",
        )


def _problem(data: dict[str, Any]) -> tuple[str, str] | None:
    """What the provider says for every number of this request, if anything."""
    if data["SmsSdkAppId"] != constants.SMS_SDK_APP_ID:
        return "UnauthorizedOperation.SmsSdkAppIdVerifyFail", "SmsSdkAppId verify fail"
    if data.get("SignName") != constants.SMS_SIGN_NAME:
        return "FailedOperation.SignatureIncorrectOrUnapproved", "signature format error or signature not approved"
    template = constants.SMS_TEMPLATES.get(data["TemplateId"])
    if template is None:
        return "FailedOperation.TemplateIncorrectOrUnapproved", "template is not approved or not exist"
    if len(set(re.findall(r"\{\d+\}", template))) != len(data.get("TemplateParamSet") or []):
        return "FailedOperation.TemplateParamSetNotMatchApprovedTemplate", "params do not match the template"
    return None


def _send_one(here: World, data: dict[str, Any], phone: str, problem: tuple[str, str] | None) -> dict[str, Any]:
    match = PHONE.fullmatch(phone)
    if match is None:
        problem = ("InvalidParameterValue.IncorrectPhoneNumber", "incorrect phone number")
    if problem or match is None:
        code, message = problem or ("InternalError.OtherError", "")
        return {"SerialNo": "", "PhoneNumber": phone, "Fee": 0, "SessionContext": data.get("SessionContext", ""),
                "Code": code, "Message": message, "IsoCode": ""}  # fmt: skip
    params = [str(value) for value in data.get("TemplateParamSet") or []]
    text = constants.SMS_TEMPLATES[data["TemplateId"]]
    for number, value in enumerate(params, 1):
        text = text.replace(f"{{{number}}}", value)
    serial = f"2640:{here.store.count('sms'):018d}"
    here.store.insert(
        "sms",
        id=serial,
        phone=f"+86{match[1]}",
        sign_name=data["SignName"],
        template_id=data["TemplateId"],
        params=json.dumps(params, ensure_ascii=False),
        text=f"【{data['SignName']}】{text}",
        created_at=here.now(),
    )
    return {"SerialNo": serial, "PhoneNumber": f"+86{match[1]}", "Fee": 1,
            "SessionContext": data.get("SessionContext", ""), "Code": "Ok", "Message": "send success",
            "IsoCode": "CN"}  # fmt: skip


def _body() -> dict[str, Any]:
    try:
        data = json.loads(request.get_data())
    except ValueError:
        data = None
    if not isinstance(data, dict):
        _refuse("InvalidRequest", "The request body is not a JSON object.")
    for name, kind in (("PhoneNumberSet", list), ("SmsSdkAppId", str), ("TemplateId", str)):
        if name not in data:
            _refuse("MissingParameter", f"The request is missing a required parameter `{name}`.")
        if not isinstance(data[name], kind):
            _refuse("InvalidParameter", f"The parameter `{name}` has the wrong type.")
    if not 0 < len(data["PhoneNumberSet"]) <= MAX_PHONES or not all(isinstance(p, str) for p in data["PhoneNumberSet"]):
        _refuse("InvalidParameterValue", "PhoneNumberSet must hold 1 to 200 numbers.")
    return data


def _refuse(code: str, message: str) -> NoReturn:
    raise SmsError(code, message)


def _answer(data: dict[str, Any]) -> Response:
    data["RequestId"] = world().request_id()
    return Response(json.dumps({"Response": data}, ensure_ascii=False), content_type="application/json")
