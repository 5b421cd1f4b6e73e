"""Every published notice through the shop's own route: headers, raw bytes, clock, key ring, stored order → verdict."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from app.booking.services import pay
from app.core.db import db, transaction
from app.factory import create_app
from app.gateways.pay.client import WeChatPayV3
from app.payments.models import Payment, PaymentNotice, Refund
from app.reconciliation import queries as reconciliation
from tests.booking import shop as s
from tests.conftest import make_settings
from tests.gateways import platform
from tests.gateways.vectors import cases, constant
from tests.payments.wechat_pay import Bank

NUMBER, REFUND_NUMBER = "CAR20250101000001", "RF20250101000001"
PLACED = datetime(2025, 1, 1, 4, 0, tzinfo=UTC)


class Reader(Bank):
    """Orders in a dictionary, notices through the production client."""

    real: WeChatPayV3

    def parse_notice(self, headers: Any, body: bytes, now: datetime) -> Any:
        return self.real.parse_notice(headers, body, now)


def real_client(ring: dict[str, str]) -> WeChatPayV3:
    return WeChatPayV3(
        app_id=constant("appid"),
        mch_id=constant("mchid"),
        cert_serial=constant("merchant_serial"),
        private_key=platform.private_key("merchant_test"),
        api_v3_key=platform.API_V3_KEY,
        platform_keys={serial: platform.public_key(name) for serial, name in ring.items()},
        primary_serial=platform.KEY_ID,
        base_url="http://127.0.0.1:1",
        payment_notice_url="https://shop.example/pay/wechat/notices/payment",
        refund_notice_url="https://shop.example/pay/wechat/notices/refund",
    )


def shop_with(database_url: str, folder: Path, ring: dict[str, str]) -> tuple[Flask, str]:
    """A shop with the vectors' order, unpaid, and the booking it pays for."""
    bank = Reader()
    bank.real = real_client(ring)
    app = create_app(make_settings(database_url, folder), gateways={"pay": bank})
    app.app_context().push()
    with time_machine.travel(PLACED, tick=False):
        shop = s.build(earnest_fen=199_900, starts_at=PLACED - timedelta(days=1), ends_at=PLACED + timedelta(days=5))
        actor = s.member()
        no = s.place(shop, actor, PLACED).no
        pay.open_booking_payment(
            actor, no, bank, PLACED, app_id=s.APP_ID, mch_id=constant("mchid"), method=pay.Method.NATIVE
        )
        with transaction():
            db.session.query(Payment).one().out_trade_no = NUMBER
            db.session.query(Payment).one().app_id = constant("appid")
    return app, no


def close(app: Flask) -> None:
    db.session.remove()
    db.engine.dispose()


@pytest.mark.parametrize("case", cases("pay_v3_callback"))
def test_callback_vector_through_the_route(database_url: str, tmp_path: Path, case: dict[str, Any]) -> None:
    app, no = shop_with(database_url, tmp_path, case["keyring"])
    is_refund = "refund" in case["name"]
    if is_refund:
        with transaction():
            row = db.session.query(Payment).one()
            row.state, row.transaction_id = "succeeded", "4200002551202501010000000001"
            db.session.add(
                Refund(
                    out_refund_no=REFUND_NUMBER, payment_id=row.id, amount_fen=99_900, reason_code="part",
                    reason="部分退款", state="processing", requested_at=PLACED,
                )
            )  # fmt: skip
    kind = "refund" if is_refund else "payment"
    with time_machine.travel(datetime.fromtimestamp(int(case["now"]), UTC), tick=False):
        answer = app.test_client().post(
            f"/pay/wechat/notices/{kind}", data=case["raw_body"].encode(), headers=case["headers"]
        )
    db.session.rollback()
    stored = db.session.query(PaymentNotice).all()
    if case["verdict"] == "accept":
        assert answer.status_code == 200
        assert stored[0].verdict == ("refund_recorded" if is_refund else "paid")
        if is_refund:
            assert db.session.query(Refund).one().state == "succeeded"
        else:
            assert s.booking(no).state == "deposit_paid"
            assert db.session.query(Payment).one().paid_at == datetime(2025, 1, 1, 4, 1, 30, tzinfo=UTC)
    elif case["verdict"] in ("reject:order-mismatch", "reject:merchant-mismatch"):
        # Authentic, so it is answered with success and kept; it is not this order, so nothing is credited.
        wanted = {"reject:order-mismatch": "wrong_amount", "reject:merchant-mismatch": "wrong_merchant"}
        assert (answer.status_code, stored[0].verdict) == (200, wanted[case["verdict"]])
        assert s.booking(no).state == "held"
    else:
        assert (answer.status_code, answer.json) == (401, {"code": "FAIL", "message": "失败"})
        assert stored == []
        assert s.booking(no).state == "held"
    close(app)


def test_the_raw_event_is_kept_and_can_be_verified_again(database_url: str, tmp_path: Path) -> None:
    case: dict[str, Any] = cases("pay_v3_callback")[0].values[0]
    app, _ = shop_with(database_url, tmp_path, case["keyring"])
    now = datetime.fromtimestamp(int(case["now"]), UTC)
    with time_machine.travel(now, tick=False):
        app.test_client().post("/pay/wechat/notices/payment", data=case["raw_body"].encode(), headers=case["headers"])
    row = db.session.query(PaymentNotice).one()
    assert row.body is not None
    assert row.signed is not None
    # nobody's openid can be read in the row …
    openid = json.loads(case["plaintext"])["payer"]["openid"]
    assert openid not in json.dumps([row.body, row.signed, row.facts], ensure_ascii=False)
    # … and whoever has the keys can check the evidence again
    again = real_client(case["keyring"]).parse_notice(row.signed, row.body.encode(), now)
    assert again.notice_id == row.notice_id
    close(app)


HUGE = b'{"id":"' + b"x" * 10_000_000 + b'"}'


@pytest.mark.parametrize("body", [b"", b"<html>", HUGE, b"[]", b'{"id":"1","id":"2"}', b"\xff\xfe", b"{" * 5000])
@pytest.mark.parametrize("signed", [True, False])
def test_odd_bodies_are_refused_alike(database_url: str, tmp_path: Path, body: bytes, signed: bool) -> None:
    case: dict[str, Any] = cases("pay_v3_callback")[0].values[0]
    app, no = shop_with(database_url, tmp_path, case["keyring"])
    now = datetime.fromtimestamp(int(case["now"]), UTC)
    text = body.decode(errors="replace")
    headers = platform.signed_headers(text, int(case["now"])) if signed and len(body) < 10_000 else {}
    with time_machine.travel(now, tick=False):
        answer = app.test_client().post("/pay/wechat/notices/payment", data=body, headers=headers)
    assert (answer.status_code, answer.json) == (401, {"code": "FAIL", "message": "失败"})
    assert db.session.query(PaymentNotice).count() == 0
    assert s.booking(no).state == "held"
    assert reconciliation.find_day(PLACED.date()) is None
    close(app)


@pytest.mark.parametrize("retry", cases("pay_v3_notify_retry"))
@pytest.mark.parametrize("order", ["forwards", "backwards", "twice"])
def test_the_fifteen_repetitions_in_any_order_count_once(
    database_url: str, tmp_path: Path, order: str, retry: dict[str, Any]
) -> None:
    """WeChat Pay signs each repetition anew; the id and the content stay."""
    case: dict[str, Any] = cases("pay_v3_callback")[0].values[0]
    app, no = shop_with(database_url, tmp_path, case["keyring"])
    offsets = [0, *retry["offsets_s"]]
    offsets = {"forwards": offsets, "backwards": offsets[::-1], "twice": offsets + offsets}[order]
    body = case["raw_body"]
    for offset in offsets:
        now = int(case["now"]) + offset
        with time_machine.travel(datetime.fromtimestamp(now, UTC), tick=False):
            answer = app.test_client().post(
                "/pay/wechat/notices/payment", data=body.encode(), headers=platform.signed_headers(body, now)
            )
        assert answer.status_code == 200
    assert s.events(no) == ["held", "deposit_paid"]
    assert db.session.query(PaymentNotice).count() == 1
    close(app)
