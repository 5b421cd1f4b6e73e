"""Which notices are believed: the published vectors, then everything an attacker may send."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gateways.pay import notices
from app.gateways.pay.port import (
    NoticeRejected,
    PaymentNoticeData,
    RefundNoticeData,
    RefundStatus,
    RejectReason,
    TradeState,
)
from tests.gateways import platform
from tests.gateways.vectors import cases

NOW = datetime(2025, 1, 1, 4, 1, 33, tzinfo=UTC)
STAMP = int(NOW.timestamp())
RING = {
    platform.KEY_ID: platform.public_key("platform_test_public"),
    platform.CERTIFICATE_SERIAL: platform.public_key("platform_test_certificate"),
}
# These two verdicts compare with the stored order. The gateway has none: it hands the values over as they are.
DECIDED_BY_PAYMENTS = {"reject:order-mismatch", "reject:merchant-mismatch"}


def parse(body: str | bytes, headers: dict[str, str] | None = None) -> PaymentNoticeData | RefundNoticeData:
    raw = body if isinstance(body, bytes) else body.encode()
    if headers is None:
        headers = platform.signed_headers(raw.decode(), STAMP)
    return notices.parse_notice(headers, raw, NOW, platform_keys=RING, api_v3_key=platform.API_V3_KEY)


def rejected(body: str | bytes, headers: dict[str, str] | None = None) -> RejectReason:
    with pytest.raises(NoticeRejected) as caught:
        parse(body, headers)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value.reason


@pytest.mark.parametrize("case", cases("pay_v3_callback"))
def test_callback_vector_gets_its_verdict(case: dict[str, Any]) -> None:
    ring = {serial: platform.public_key(name) for serial, name in case["keyring"].items()}
    now = datetime.fromtimestamp(int(case["now"]), UTC)
    try:
        found = notices.parse_notice(
            case["headers"], case["raw_body"].encode(), now, platform_keys=ring, api_v3_key=case["apiv3_key"]
        )
    except NoticeRejected as exc:
        found = exc
    if isinstance(found, NoticeRejected):
        assert f"reject:{found.reason.value}" == case["verdict"]
        return
    assert case["verdict"] in {"accept", *DECIDED_BY_PAYMENTS}
    if case["verdict"] == "accept":
        plain = json.loads(case["plaintext"])
        assert _number(found) == plain["out_trade_no"]
    else:
        assert isinstance(found, PaymentNoticeData)
        order, got = case["order"], found.transaction
        same = (got.mch_id == order["mchid"], got.total_fen == order["total"])
        assert same == ((True, False) if case["verdict"] == "reject:order-mismatch" else (False, True))


def _number(found: PaymentNoticeData | RefundNoticeData) -> str:
    return found.transaction.out_trade_no if isinstance(found, PaymentNoticeData) else found.refund.out_trade_no


@pytest.mark.parametrize("case", cases("pay_v3_response_signature"))
def test_platform_signature_vector(case: dict[str, Any]) -> None:
    key = platform.public_key(case["public_key"])
    valid = notices.signature_matches(key, case["timestamp"], case["nonce"], case["body"], case["signature"])
    assert valid is case["valid"]


@pytest.mark.parametrize("case", cases("pay_v3_aead_resource"))
def test_resource_vector(case: dict[str, Any]) -> None:
    values = (case["key"], case["nonce"], case["associated_data"] or "", case["ciphertext"])
    if case["valid"]:
        assert notices.open_resource(*values) == case["plaintext"]
    else:
        with pytest.raises(NoticeRejected, match="decrypt"):
            notices.open_resource(*values)


def test_a_payment_notice_becomes_typed_values() -> None:
    found = parse(platform.notice(platform.TRANSACTION))
    assert isinstance(found, PaymentNoticeData)
    assert (found.notice_id, found.event_type) == ("EV-1", "TRANSACTION.SUCCESS")
    paid = found.transaction
    assert (paid.state, paid.total_fen, paid.currency) == (TradeState.SUCCESS, 199900, "CNY")
    assert paid.success_at == datetime(2025, 1, 1, 4, 1, 30, tzinfo=UTC)
    assert str(paid.openid) not in repr(found)


@pytest.mark.parametrize("status", ["SUCCESS", "ABNORMAL", "CLOSED"])
def test_a_refund_notice_reads_refund_status(status: str) -> None:
    found = parse(platform.notice({**platform.REFUND, "refund_status": status}, f"REFUND.{status}"))
    assert isinstance(found, RefundNoticeData)
    assert found.refund.status is RefundStatus(status)
    assert (found.mch_id, found.refund.refund_fen, found.refund.total_fen) == ("1900000001", 99900, 199900)


def test_header_names_come_in_any_case() -> None:
    body = platform.notice(platform.TRANSACTION)
    headers = platform.signed_headers(body, STAMP, platform.CERTIFICATE_SERIAL.lower())
    assert parse(body, {name.upper(): value for name, value in headers.items()})


@pytest.mark.parametrize("name", list(platform.signed_headers("", 0)))
@pytest.mark.parametrize("value", [None, ""])
def test_every_signature_header_is_required(name: str, value: str | None) -> None:
    body = platform.notice(platform.TRANSACTION)
    headers = platform.signed_headers(body, STAMP)
    del headers[name]
    assert rejected(body, headers if value is None else {**headers, name: value}) is RejectReason.MISSING_HEADER


@pytest.mark.parametrize("shift", [-301, 301, 86400])
def test_old_and_future_messages_are_refused_though_signed(shift: int) -> None:
    body = platform.notice(platform.TRANSACTION)
    moved = NOW + timedelta(seconds=shift)
    assert rejected(body, platform.signed_headers(body, int(moved.timestamp()))) is RejectReason.TIMESTAMP


@pytest.mark.parametrize("text", ["now", "1e9", "-1", "１７３５７０４０９３", " 1735704093", "9" * 5000, "0x1"])
def test_odd_timestamps_are_refused(text: str) -> None:
    body = platform.notice(platform.TRANSACTION)
    headers = platform.signed_headers(body, STAMP) | {"Wechatpay-Timestamp": text}
    assert rejected(body, headers) is RejectReason.TIMESTAMP


@pytest.mark.parametrize("serial", ["PUB_KEY_ID_0", "zz", "5B", platform.CERTIFICATE_SERIAL + "0"])
def test_unknown_serials_are_refused_without_asking_anybody(serial: str) -> None:
    body = platform.notice(platform.TRANSACTION)
    # The fixture that closes sockets would turn any outgoing call into another exception.
    assert rejected(body, platform.signed_headers(body, STAMP, serial)) is RejectReason.SERIAL


def test_other_signature_types_are_refused() -> None:
    body = platform.notice(platform.TRANSACTION)
    headers = platform.signed_headers(body, STAMP) | {"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"}
    assert rejected(body, headers) is RejectReason.SIGNATURE


@pytest.mark.parametrize("signature", ["x", "WECHATPAY/SIGNTEST/abcd", "签名", "=" * 300, "AAAA\n"])
def test_garbage_signatures_and_the_probe_are_refused(signature: str) -> None:
    body = platform.notice(platform.TRANSACTION)
    headers = platform.signed_headers(body, STAMP) | {"Wechatpay-Signature": signature}
    assert rejected(body, headers) is RejectReason.SIGNATURE


def test_ten_megabytes_are_refused_before_anything_is_computed() -> None:
    assert rejected(b"x" * 10_000_000, {}) is RejectReason.TOO_LARGE


def test_a_body_that_is_not_utf8_is_refused() -> None:
    assert rejected(b"\xff\xfe", platform.signed_headers("", STAMP)) is RejectReason.SIGNATURE


SIGNED_NONSENSE = [
    "",
    "null",
    "[]",
    "7",
    '"x"',
    "{",
    "{}",
    "[" * 100_000,
    '{"resource":' + "{" * 50,
    json.dumps(platform.envelope(None)),
    json.dumps(platform.envelope([])),
    json.dumps(platform.envelope({**platform.encrypt("{}"), "ciphertext": 1})),
    json.dumps(platform.envelope({**platform.encrypt("{}"), "associated_data": {}})),
    json.dumps(platform.envelope({**platform.encrypt("{}"), "nonce": None})),
    json.dumps(platform.envelope(platform.encrypt(json.dumps(platform.TRANSACTION)), id=7)),
    json.dumps(platform.envelope(platform.encrypt(json.dumps(platform.TRANSACTION)), create_time="yesterday")),
    json.dumps(platform.envelope(platform.encrypt(json.dumps(platform.TRANSACTION)), create_time="2025-01-01")),
    json.dumps(platform.envelope(platform.encrypt(json.dumps(platform.TRANSACTION)), event_type="COUPON.USE")),
    platform.notice(platform.TRANSACTION, "REFUND.SUCCESS"),
    platform.notice(platform.TRANSACTION)[:-1] + ',"id":"EV-2"}',
]


@pytest.mark.parametrize("body", SIGNED_NONSENSE, ids=range(len(SIGNED_NONSENSE)))
def test_signed_nonsense_is_malformed(body: str) -> None:
    assert rejected(body) is RejectReason.MALFORMED


@pytest.mark.parametrize(
    "change",
    [
        {"ciphertext": "!!!"},
        {"ciphertext": ""},
        {"ciphertext": "AAAA"},
        {"nonce": "short"},
        {"nonce": "x" * 200},
        {"associated_data": "refund"},
        {"associated_data": "\ud800"},
    ],
)
def test_resources_that_do_not_open(change: dict[str, object]) -> None:
    resource = {**platform.encrypt(json.dumps(platform.TRANSACTION)), **change}
    assert rejected(json.dumps(platform.envelope(resource))) is RejectReason.DECRYPT


WRONG_CONTENT: list[dict[str, object]] = [
    {"trade_state": "PAID"},
    {"trade_state": None},
    {"out_trade_no": 1},
    {"out_trade_no": ""},
    {"out_trade_no": "A" * 300},
    {"out_trade_no": "CAR\n1"},
    {"mchid": ["1900000001"]},
    {"transaction_id": None},
    {"success_time": "2025-01-01T12:00:00"},
    {"success_time": "0001-01-01T00:00:00+14:00"},
    {"payer": "o"},
    {"payer": {"openid": {}}},
    {"amount": None},
    {"amount": 1},
    *(
        {"amount": {"total": total, "currency": "CNY"}}
        for total in (0, -1, True, 1.0, "199900", None, 10**12, float("nan"))
    ),
    {"amount": {"total": 1, "currency": 1}},
    {"amount": {"total": 1, "payer_total": -1, "currency": "CNY"}},
    {"attach": "\ud800"},
]


@pytest.mark.parametrize("change", WRONG_CONTENT, ids=range(len(WRONG_CONTENT)))
def test_authentic_content_of_wrong_type_is_malformed(change: dict[str, object]) -> None:
    plain = json.dumps({**platform.TRANSACTION, **change})
    assert rejected(platform.notice(plain)) is RejectReason.MALFORMED


def test_an_amount_given_twice_is_malformed() -> None:
    plain = json.dumps(platform.TRANSACTION)[:-1] + ',"amount":{"total":1,"currency":"CNY"}}'
    assert rejected(platform.notice(plain)) is RejectReason.MALFORMED
    inner = json.dumps(platform.TRANSACTION).replace('"total": 199900,', '"total": 1, "total": 199900,')
    assert rejected(platform.notice(inner)) is RejectReason.MALFORMED


def test_huge_numbers_do_not_break_the_reader() -> None:
    plain = json.dumps(platform.TRANSACTION).replace("199900", "9" * 5000)
    assert rejected(platform.notice(plain)) is RejectReason.MALFORMED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(platform.TRANSACTION)), value=JSON)
def test_any_value_anywhere_is_read_or_rejected(field: str, value: object) -> None:
    body = platform.notice(json.dumps({**platform.TRANSACTION, field: value}))
    try:
        found = parse(body)
    except NoticeRejected as exc:
        found = exc.reason
    assert isinstance(found, PaymentNoticeData) or found is RejectReason.MALFORMED


@given(
    headers=st.dictionaries(st.sampled_from(list(platform.signed_headers("", 0))), st.text(max_size=40)),
    body=st.binary(max_size=200),
)
def test_any_request_is_rejected_and_never_raises_otherwise(headers: dict[str, str], body: bytes) -> None:
    assert rejected(body, {**platform.signed_headers("x", STAMP), **headers}) is not None
