"""Calls to WeChat Pay: what is sent is signed, what comes back is believed only if it is."""

import base64
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses
import time_machine
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15

from app.core.errors import ConfigError, GatewayError
from app.gateways.pay.client import WeChatPayV3
from app.gateways.pay.port import (
    BankCard,
    JsapiOrder,
    NoticeRejected,
    OrderClosed,
    OrderNotFound,
    OrderPaid,
    PayGateway,
    PrepayId,
    RefundRequest,
    RefundStatus,
    TradeState,
    valid_out_refund_no,
    valid_out_trade_no,
)
from tests.gateways import platform
from tests.gateways.stub import StubServer, body_of, hold
from tests.gateways.vectors import cases, constant

BASE = "https://api.mch.weixin.qq.com"
JSAPI_URL = f"{BASE}/v3/pay/transactions/jsapi"
QUERY_URL = f"{BASE}/v3/pay/transactions/out-trade-no/CAR20250101000001"
CLOSE_URL = f"{QUERY_URL}/close"
REFUNDS_URL = f"{BASE}/v3/refund/domestic/refunds"
NOW = datetime(2025, 1, 1, 4, 0, tzinfo=UTC)
ORDER = JsapiOrder(
    out_trade_no="CAR20250101000001",
    description="订金-云秀 2.0",
    total_fen=199900,
    openid="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
    expires_at=datetime(2025, 1, 1, 4, 30, tzinfo=UTC),
    attach='{"store":88}',
)
REFUND = RefundRequest("CAR20250101000001", "RF20250101000001", 99900, 199900, "客户取消")


def make_gateway(key: str = "merchant_test", app_id: str | None = None, **changes: Any) -> WeChatPayV3:
    values: dict[str, Any] = {
        "app_id": app_id or constant("appid"),
        "mch_id": constant("mchid"),
        "cert_serial": constant("merchant_serial"),
        "private_key": platform.private_key(key),
        "api_v3_key": platform.API_V3_KEY,
        "platform_keys": {platform.KEY_ID: platform.public_key("platform_test_public")},
        "primary_serial": platform.KEY_ID,
        "base_url": BASE,
        "payment_notice_url": "https://h5.example.com/pay/wechat/notices/payment",
        "refund_notice_url": "https://h5.example.com/pay/wechat/notices/refund",
        "pause": lambda _: None,
    }
    return WeChatPayV3(**{**values, **changes})


@pytest.fixture(autouse=True)
def present() -> Iterator[None]:
    """Answers are believed within five minutes of their signature."""
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def gateway() -> WeChatPayV3:
    return make_gateway()


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def signed(data: object, status: int = 200) -> dict[str, Any]:
    """A signed answer as arguments for `responses`."""
    body = "" if data is None else json.dumps(data, ensure_ascii=False)
    return {
        "body": body.encode(),
        "status": status,
        "headers": platform.signed_headers(body, int(NOW.timestamp())),
        "content_type": "application/json",
    }


def sent(upstream: responses.RequestsMock) -> dict[str, Any]:
    """The last body sent, after its signature was checked over the bytes on the wire."""
    request = upstream.calls[-1].request
    raw = body_of(request)
    assert platform.request_is_signed(str(request.method), request.path_url, raw, str(request.headers["Authorization"]))
    assert request.headers["Wechatpay-Serial"] == platform.KEY_ID
    assert vars(request)["req_kwargs"]["timeout"] == (3.0, 10.0)
    return json.loads(raw) if raw else {}


def header_fields(authorization: str) -> dict[str, str]:
    """The fields in any order."""
    return dict(re.findall(r'(\w+)="([^"]*)"', authorization))


def test_the_client_satisfies_the_port(gateway: WeChatPayV3) -> None:
    port: PayGateway = gateway
    assert port


# ---- signatures


@pytest.mark.parametrize("case", cases("pay_v3_request_signature"))
def test_request_signature_vector(case: dict[str, Any]) -> None:
    lines = (case["method"], case["url"], case["timestamp"], case["nonce"], case["body"])
    assert make_gateway(case["private_key"]).sign_lines(*lines) == case["signature"]


@pytest.mark.parametrize("case", cases("pay_v3_authorization_header"))
def test_authorization_header_vector(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours is the published header, field for field, exactly where that one is to be accepted."""
    monkeypatch.setattr("app.core.ids.token", lambda _: case["nonce"])
    with time_machine.travel(int(case["timestamp"]), tick=False):
        ours = make_gateway().authorization(case["method"], case["url"], case["body"])
    assert ours.startswith("WECHATPAY2-SHA256-RSA2048 ")
    assert (header_fields(ours) == header_fields(case["authorization"])) is case["valid"]
    assert platform.request_is_signed(case["method"], case["url"], case["body"].encode(), ours)


@pytest.mark.parametrize("case", cases("pay_v3_sensitive_field"))
def test_sealed_fields_vector(upstream: responses.RequestsMock, case: dict[str, Any]) -> None:
    """What the client seals for a bank card is sealed as the published field: the same key and padding open both."""
    key = platform.private_key(case["private_key"])
    oaep = OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None)
    assert key.decrypt(base64.b64decode(case["ciphertext"]), oaep).decode() == case["plaintext"]
    upstream.post(f"{REFUNDS_URL}/5030000/apply-abnormal-refund", status=400, json={"code": "PARAM_ERROR"})
    gateway = make_gateway(platform_keys={platform.KEY_ID: key.public_key()})
    with pytest.raises(GatewayError):
        gateway.refund_to_card("5030000", "RF20250101000001", BankCard("ICBC_DEBIT", "6222", case["plaintext"]))
    body = sent(upstream)
    assert case["plaintext"] not in json.dumps(body, ensure_ascii=False)
    opened = [key.decrypt(base64.b64decode(body[name]), oaep).decode() for name in ("bank_account", "real_name")]
    assert opened == ["6222", case["plaintext"]]


@pytest.mark.parametrize("case", cases("pay_v3_paysign"))
def test_pay_sign_vector(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.ids.token", lambda _: case["nonceStr"])
    gateway = make_gateway(case["private_key"], case["appId"])
    with time_machine.travel(int(case["timeStamp"]), tick=False):
        params = gateway.cashier_params(PrepayId(case["package"].removeprefix("prepay_id=")))
    assert (params.app_id, params.time_stamp, params.nonce_str) == (case["appId"], case["timeStamp"], case["nonceStr"])
    assert (params.package, params.sign_type, params.pay_sign) == (case["package"], "RSA", case["paySign"])


def test_cashier_params_are_fresh_each_time(gateway: WeChatPayV3) -> None:
    first, second = gateway.cashier_params(PrepayId("wx1")), gateway.cashier_params(PrepayId("wx1"))
    assert first.nonce_str != second.nonce_str
    message = f"{first.app_id}\n{first.time_stamp}\n{first.nonce_str}\nprepay_id=wx1\n".encode()
    signature = base64.b64decode(first.pay_sign)
    platform.public_key("merchant_test_public").verify(signature, message, PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("case", cases("out_trade_no"))
def test_out_trade_no_vector(gateway: WeChatPayV3, case: dict[str, Any]) -> None:
    assert valid_out_trade_no(case["value"]) is case["valid"]
    if not case["valid"]:
        with pytest.raises(ValueError, match="number"):
            gateway.query(case["value"])


def test_refund_numbers() -> None:
    assert valid_out_refund_no("RF@1" + "a" * 60)
    assert not any(map(valid_out_refund_no, ["", "a" * 65, "a/b", "退", "a\n"]))


# ---- calls


def test_an_order_is_placed_as_documented(gateway: WeChatPayV3, upstream: responses.RequestsMock) -> None:
    upstream.post(JSAPI_URL, **signed({"prepay_id": "wx01120001abcdef"}))
    assert gateway.create_jsapi(ORDER) == "wx01120001abcdef"
    assert sent(upstream) == {
        "appid": constant("appid"),
        "mchid": constant("mchid"),
        "description": "订金-云秀 2.0",
        "out_trade_no": "CAR20250101000001",
        "time_expire": "2025-01-01T12:30:00+08:00",
        "attach": '{"store":88}',
        "notify_url": "https://h5.example.com/pay/wechat/notices/payment",
        "amount": {"total": 199900, "currency": "CNY"},
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    }


def test_a_query_gives_the_transaction(gateway: WeChatPayV3, upstream: responses.RequestsMock) -> None:
    upstream.get(QUERY_URL, **signed(platform.TRANSACTION))
    found = gateway.query("CAR20250101000001")
    sent(upstream)
    assert upstream.calls[0].request.path_url.endswith("CAR20250101000001?mchid=1900000001")
    assert (found.state, found.total_fen, found.transaction_id) == (
        TradeState.SUCCESS,
        199900,
        "4200002551202501010000000001",
    )


@pytest.mark.parametrize("amount", [None, {"total": 199900, "currency": "CNY"}])
def test_an_unpaid_order_has_little_to_tell(
    gateway: WeChatPayV3, upstream: responses.RequestsMock, amount: object
) -> None:
    data = {name: platform.TRANSACTION[name] for name in ("appid", "mchid", "out_trade_no")}
    upstream.get(QUERY_URL, **signed({**data, "trade_state": "NOTPAY", "trade_state_desc": "未支付", "amount": amount}))
    found = gateway.query("CAR20250101000001")
    assert (found.state, found.transaction_id, found.success_at) == (TradeState.NOTPAY, None, None)


def test_a_number_with_odd_letters_is_signed_as_sent(gateway: WeChatPayV3, upstream: responses.RequestsMock) -> None:
    upstream.post(f"{BASE}/v3/pay/transactions/out-trade-no/A_b-c%7Cd%2A1/close", **signed(None, 204))
    gateway.close("A_b-c|d*1")
    sent(upstream)


def test_closing_is_done_once_and_again(gateway: WeChatPayV3, upstream: responses.RequestsMock) -> None:
    upstream.post(CLOSE_URL, **signed(None, 204))
    gateway.close("CAR20250101000001")
    assert sent(upstream) == {"mchid": constant("mchid")}
    upstream.replace(responses.POST, CLOSE_URL, json={"code": "ORDER_CLOSED", "message": "已关闭"}, status=400)
    gateway.close("CAR20250101000001")


def test_a_refund_is_asked_for_as_documented(gateway: WeChatPayV3, upstream: responses.RequestsMock) -> None:
    upstream.post(REFUNDS_URL, **signed(platform.REFUND))
    found = gateway.refund(REFUND)
    assert (found.status, found.refund_fen, found.success_at) == (RefundStatus.PROCESSING, 99900, None)
    assert sent(upstream) == {
        "out_trade_no": "CAR20250101000001",
        "out_refund_no": "RF20250101000001",
        "reason": "客户取消",
        "notify_url": "https://h5.example.com/pay/wechat/notices/refund",
        "amount": {"refund": 99900, "total": 199900, "currency": "CNY"},
    }


def test_a_refund_is_queried(gateway: WeChatPayV3, upstream: responses.RequestsMock) -> None:
    done = {**platform.REFUND, "status": "SUCCESS", "success_time": "2025-01-01T13:00:00+08:00"}
    upstream.get(f"{REFUNDS_URL}/RF20250101000001", **signed(done))
    found = gateway.query_refund("RF20250101000001")
    sent(upstream)
    assert (found.status, found.success_at) == (RefundStatus.SUCCESS, datetime(2025, 1, 1, 5, tzinfo=UTC))


@pytest.mark.parametrize("fen", [0, -1, 199901, 10**12])
def test_impossible_refunds_are_not_sent(gateway: WeChatPayV3, fen: int) -> None:
    with pytest.raises(ValueError, match="refund_fen"):
        gateway.refund(RefundRequest("CAR20250101000001", "RF1", fen, 199900, "x"))


# ---- refusals


@pytest.mark.parametrize(
    ("status", "code", "kind", "retryable"),
    [
        (400, "ORDERPAID", OrderPaid, False),
        (403, "ORDER_PAID", OrderPaid, False),
        (400, "ORDER_CLOSED", OrderClosed, False),
        (400, "ORDERCLOSED", OrderClosed, False),
        (404, "ORDER_NOT_EXIST", OrderNotFound, False),
        (400, "ORDERNOTEXIST", OrderNotFound, False),
        (404, "RESOURCE_NOT_EXISTS", OrderNotFound, False),
        (403, "NOT_ENOUGH", GatewayError, True),
        (403, "NOTENOUGH", GatewayError, True),
        (401, "SIGN_ERROR", GatewayError, False),
        (400, "PARAM_ERROR", GatewayError, False),
        (429, "FREQUENCY_LIMITED", GatewayError, True),
        (500, "SYSTEM_ERROR", GatewayError, True),
    ],
)
def test_codes_count_without_underscores_and_status(
    gateway: WeChatPayV3,
    upstream: responses.RequestsMock,
    status: int,
    code: str,
    kind: type[GatewayError],
    retryable: bool,
) -> None:
    upstream.post(JSAPI_URL, json={"code": code, "message": "不行"}, status=status)
    with pytest.raises(GatewayError) as caught:
        gateway.create_jsapi(ORDER)
    assert type(caught.value) is kind
    assert (caught.value.provider, caught.value.code, caught.value.retryable) == ("wechatpay", code, retryable)


def test_closing_a_paid_order_says_so(gateway: WeChatPayV3, upstream: responses.RequestsMock) -> None:
    upstream.post(CLOSE_URL, json={"code": "ORDERPAID", "message": "该订单已支付"}, status=400)
    with pytest.raises(OrderPaid):
        gateway.close("CAR20250101000001")


def refused(call: Callable[[], object]) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b"<html>", "unverified_answer"),
        (200, b"", "unverified_answer"),
        (204, b"", "unverified_answer"),
        (301, b"", "http_301"),
        (404, b"<html>", "http_404"),
        (429, b"", "http_429"),
        (502, b"<html>", "http_502"),
        (500, b"[]", "http_500"),
        (400, b'{"code":7,"message":[]}', "http_400"),
        (400, b"\xff", "http_400"),
    ],
)
@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_broken_answers_are_gateway_errors(
    gateway: WeChatPayV3, upstream: responses.RequestsMock, status: int, body: bytes, code: str, kind: str
) -> None:
    upstream.post(JSAPI_URL, status=status, body=body, content_type=kind)
    error = refused(lambda: gateway.create_jsapi(ORDER))
    assert error.code == code
    assert error.retryable is (status == 429 or status >= 500)


def test_an_answer_signed_by_somebody_else_is_not_believed(
    gateway: WeChatPayV3, upstream: responses.RequestsMock
) -> None:
    answer = signed({"prepay_id": "wx1"})
    answer["headers"]["Wechatpay-Signature"] = platform.sign("x", platform.private_key("merchant_test"))
    upstream.post(JSAPI_URL, **answer)
    assert refused(lambda: gateway.create_jsapi(ORDER)).code == "unverified_answer"


@pytest.mark.parametrize("data", [[], {}, {"prepay_id": 7}, {"prepay_id": ""}, {"prepay_id": "x" * 999}], ids=repr)
def test_a_signed_answer_of_wrong_shape_is_refused(
    gateway: WeChatPayV3, upstream: responses.RequestsMock, data: object
) -> None:
    upstream.post(JSAPI_URL, **signed(data))
    assert refused(lambda: gateway.create_jsapi(ORDER)).code == "bad_answer"


def test_an_answer_about_another_order_is_refused(gateway: WeChatPayV3, upstream: responses.RequestsMock) -> None:
    upstream.get(QUERY_URL, **signed({**platform.TRANSACTION, "out_trade_no": "CAR20250101000002"}))
    upstream.get(f"{REFUNDS_URL}/RF2", **signed(platform.REFUND))
    assert refused(lambda: gateway.query("CAR20250101000001")).code == "bad_answer"
    assert refused(lambda: gateway.query_refund("RF2")).code == "bad_answer"


# ---- time limits and retries


def test_only_reads_are_repeated(upstream: responses.RequestsMock) -> None:
    pauses: list[float] = []
    gateway = make_gateway(pause=pauses.append)
    upstream.get(QUERY_URL, body=requests.ReadTimeout())
    upstream.get(QUERY_URL, **signed(platform.TRANSACTION))
    assert gateway.query("CAR20250101000001").state is TradeState.SUCCESS
    upstream.post(JSAPI_URL, body=requests.ReadTimeout())
    upstream.post(REFUNDS_URL, status=500)
    upstream.post(CLOSE_URL, body=requests.ConnectionError())
    assert refused(lambda: gateway.create_jsapi(ORDER)).code == "timeout"
    assert refused(lambda: gateway.refund(REFUND)).retryable
    assert refused(lambda: gateway.close("CAR20250101000001")).code == "unreachable"
    assert len(upstream.calls) == 5
    assert len(pauses) == 1


def test_reads_end_after_the_second_attempt_and_do_not_repeat_refusals(upstream: responses.RequestsMock) -> None:
    gateway = make_gateway()
    upstream.get(QUERY_URL, status=503)
    assert refused(lambda: gateway.query("CAR20250101000001")).code == "http_503"
    assert len(upstream.calls) == 2
    upstream.get(f"{REFUNDS_URL}/RF1", json={"code": "RESOURCE_NOT_EXISTS"}, status=404)
    assert isinstance(refused(lambda: gateway.query_refund("RF1")), OrderNotFound)
    assert len(upstream.calls) == 3


def test_a_silent_upstream_ends_in_a_timeout() -> None:
    with StubServer(hold) as server:
        gateway = make_gateway(base_url=server.url, timeout=(0.2, 0.2))
        assert refused(lambda: gateway.create_jsapi(ORDER)).code == "timeout"
        assert refused(lambda: gateway.query("CAR20250101000001")).code == "timeout"


def test_nothing_personal_or_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    gateway = make_gateway(base_url="http://127.0.0.1:9")
    error = refused(lambda: gateway.create_jsapi(ORDER))
    told = "".join(traceback.format_exception(error)) + caplog.text
    assert error.__context__ is None
    for secret in (platform.API_V3_KEY, ORDER.openid, "PRIVATE KEY"):
        assert secret not in told


# ---- making one


def test_an_api_key_of_wrong_length_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="WECHATPAY_API_V3_KEY: must have 32 bytes"):
        make_gateway(api_v3_key="short")


def test_both_kinds_of_keys_verify_notices() -> None:
    ring = {
        platform.KEY_ID: platform.public_key("platform_test_public"),
        platform.CERTIFICATE_SERIAL.lower(): platform.public_key("platform_test_certificate"),
    }
    gateway = make_gateway(platform_keys=ring)
    body = platform.notice(platform.TRANSACTION)
    for serial in (platform.KEY_ID, platform.CERTIFICATE_SERIAL):
        headers = platform.signed_headers(body, int(NOW.timestamp()), serial)
        assert gateway.parse_notice(headers, body.encode(), NOW)
    with pytest.raises(NoticeRejected, match="serial"):
        headers = platform.signed_headers(body, int(NOW.timestamp()), platform.CERTIFICATE_SERIAL)
        make_gateway().parse_notice(headers, body.encode(), NOW)


def test_certificate_mode_calls_like_key_mode(upstream: responses.RequestsMock) -> None:
    serial = platform.CERTIFICATE_SERIAL
    ring = {serial: platform.public_key("platform_test_certificate")}
    gateway = make_gateway(platform_keys=ring, primary_serial=serial)
    answer = signed(platform.TRANSACTION)
    answer["headers"]["Wechatpay-Serial"] = serial
    upstream.get(QUERY_URL, **answer)
    assert gateway.query("CAR20250101000001").total_fen == 199900
