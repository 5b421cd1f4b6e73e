"""The routes of the notices, with real signatures: the production client reads what WeChat Pay would send."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from app.booking.services import pay
from app.core.db import db
from app.factory import create_app
from app.gateways.pay.client import WeChatPayV3
from app.payments.models import PaymentNotice
from tests.booking import shop as s
from tests.conftest import make_settings
from tests.gateways import platform
from tests.gateways.vectors import constant
from tests.payments.wechat_pay import Bank

AT = s.NOW
NOTICES = "/pay/wechat/notices/payment"


class SignedBank(Bank):
    """Orders in a dictionary, notices through the production client."""

    real: WeChatPayV3

    def parse_notice(self, headers: Any, body: bytes, now: datetime) -> Any:
        return self.real.parse_notice(headers, body, now)


@pytest.fixture
def shop_app(database_url: str, tmp_path: Path):
    bank = SignedBank()
    bank.real = WeChatPayV3(
        app_id=constant("appid"),
        mch_id=constant("mchid"),
        cert_serial=constant("merchant_serial"),
        private_key=platform.private_key("merchant_test"),
        api_v3_key=platform.API_V3_KEY,
        platform_keys={platform.KEY_ID: platform.public_key("platform_test_public")},
        primary_serial=platform.KEY_ID,
        base_url="http://127.0.0.1:1",
        payment_notice_url="https://shop.example/pay/wechat/notices/payment",
        refund_notice_url="https://shop.example/pay/wechat/notices/refund",
    )
    app = create_app(make_settings(database_url, tmp_path), gateways={"pay": bank})
    with app.app_context(), time_machine.travel(AT, tick=False):
        yield app, bank
        db.session.remove()
        db.engine.dispose()


def begin(bank: SignedBank) -> tuple[str, dict[str, Any]]:
    """A held booking and the plain text of the notice that pays for it."""
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay.open_booking_payment(actor, no, bank, AT, app_id=s.APP_ID, mch_id=constant("mchid"))
    plain = platform.TRANSACTION | {
        "appid": s.APP_ID,
        "out_trade_no": bank.only_order(),
        "success_time": "2026-11-22T12:00:30+08:00",
        "amount": {"total": 100_000, "payer_total": 100_000, "currency": "CNY", "payer_currency": "CNY"},
    }
    return no, plain


def post(app: Flask, body: str, headers: dict[str, str], path: str = NOTICES):
    return app.test_client().post(path, data=body.encode(), headers=headers, content_type="application/json")


def test_an_authentic_notice_books_and_is_answered_with_success(shop_app) -> None:
    app, bank = shop_app
    no, plain = begin(bank)
    body = platform.notice(plain)
    headers = platform.signed_headers(body, int(AT.timestamp()))
    for _ in range(2):
        answer = post(app, body, headers)
        assert (answer.status_code, answer.json) == (200, {"code": "SUCCESS", "message": "成功"})
    assert s.booking(no).state == "deposit_paid"
    assert db.session.query(PaymentNotice).count() == 1


@pytest.mark.parametrize(
    "fault", ["signature", "body", "old", "probe", "serial", "no headers", "not json", "10 MB", "a key twice"]
)
def test_a_notice_that_is_not_authentic_is_refused_and_leaves_no_trace(shop_app, fault: str) -> None:
    app, bank = shop_app
    no, plain = begin(bank)
    body = platform.notice(plain)
    stamp = int(AT.timestamp()) - (301 if fault == "old" else 0)
    headers = platform.signed_headers(body, stamp)
    if fault == "signature":
        headers["Wechatpay-Signature"] = platform.sign("something else")
    if fault == "body":
        body += " "
    if fault == "10 MB":
        body += " " * 10_000_000
        headers = platform.signed_headers(body, stamp)
    if fault == "a key twice":
        body = body.replace('"event_type"', '"event_type": "REFUND.SUCCESS", "event_type"', 1)
        assert body.count('"event_type"') == 2
        headers = platform.signed_headers(body, stamp)
    if fault == "probe":
        headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"][19:]
    if fault == "serial":
        headers["Wechatpay-Serial"] = "PUB_KEY_ID_OTHER"
    if fault == "no headers":
        headers = {}
    if fault == "not json":
        body = "{"
        headers = platform.signed_headers(body, stamp)
    answer = post(app, body, headers)
    assert (answer.status_code, answer.json) == (401, {"code": "FAIL", "message": "失败"})
    assert s.booking(no).state == "held"
    assert db.session.query(PaymentNotice).count() == 0


def test_a_wrong_amount_is_answered_with_success_and_not_credited(shop_app) -> None:
    app, bank = shop_app
    no, plain = begin(bank)
    body = platform.notice(plain | {"amount": {"total": 1, "payer_total": 1, "currency": "CNY"}})
    answer = post(app, body, platform.signed_headers(body, int(AT.timestamp())))
    assert answer.status_code == 200
    assert s.booking(no).state == "held"
    assert db.session.query(PaymentNotice).one().verdict == "wrong_amount"


def test_a_refund_notice_on_the_payment_address_is_refused(shop_app) -> None:
    app, _bank = shop_app
    body = platform.notice(platform.REFUND, "REFUND.SUCCESS")
    headers = platform.signed_headers(body, int(datetime.now(UTC).timestamp()))
    assert post(app, body, headers).status_code == 401
    answer = post(app, body, headers, "/pay/wechat/notices/refund")
    assert answer.status_code == 200
    assert json.loads(answer.text)["code"] == "SUCCESS"
    assert db.session.query(PaymentNotice).one().verdict == "unknown_order"
