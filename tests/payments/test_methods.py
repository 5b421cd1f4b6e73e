"""Three ways to pay, one open attempt: switching asks and closes first, the same way twice is the same number."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.services import pay
from app.core.db import db
from app.core.security import Actor
from app.gateways.pay.port import Method, TradeState
from app.payments.errors import AlreadyPaid, NeedsWeChatLogin, PaymentBusy
from app.payments.models import Payment, Refund
from app.payments.services import follow_up, settlement
from app.payments.services.cashier import Cashier
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

pytestmark = pytest.mark.both_databases


@pytest.fixture
def held(app: Flask) -> tuple[Bank, Actor, str]:
    bank = app.extensions["pay"] = Bank()
    shop, actor = s.build(), s.member()
    return bank, actor, s.place(shop, actor).no


def begin(held, method: Method, now=NOW) -> Cashier:
    bank, actor, no = held
    return pay.open_booking_payment(
        actor, no, bank, now, app_id=APP_ID, mch_id=MCH_ID, method=method, client_ip="192.0.2.7"
    )


def states() -> list[tuple[str, str]]:
    db.session.rollback()
    return [(row.channel, row.state) for row in db.session.query(Payment).order_by(Payment.id)]


@pytest.mark.parametrize("method", list(Method))
def test_the_same_way_twice_is_the_same_number(held, method: Method) -> None:
    bank, actor, no = held
    first, second = begin(held, method), begin(held, method)
    assert first == second
    assert bank.count("create") == 1
    assert states() == [(method.value, "pending")]
    assert pay.present_cashier(no, int(actor.id or 0), bank, NOW, method) == first
    others = set(Method) - {method}
    assert all(pay.present_cashier(no, int(actor.id or 0), bank, NOW, other) is None for other in others)


def test_an_h5_address_is_renewed_under_its_number(held) -> None:
    bank = held[0]
    first = begin(held, Method.H5)
    assert first.until == NOW + timedelta(minutes=4)
    later = begin(held, Method.H5, NOW + timedelta(minutes=5))
    assert later.url != first.url
    assert len(bank.orders) == 1  # Bank insists on the same values, the payer's address among them
    assert states() == [("h5", "pending")]


def test_another_way_asks_then_closes_then_takes_a_new_number(held) -> None:
    bank = held[0]
    begin(held, Method.JSAPI)
    begin(held, Method.NATIVE)
    first, second = bank.orders
    assert bank.calls == [f"create {first}", f"query {first}", f"close {first}", f"create {second}"]
    assert states() == [("jsapi", "closed"), ("native", "pending")]
    assert bank.trades[first].state is TradeState.CLOSED


def test_another_way_after_paying_is_told_and_counts_once(held) -> None:
    bank, _, no = held
    begin(held, Method.JSAPI)
    bank.pay(bank.only_order())
    with pytest.raises(AlreadyPaid):
        begin(held, Method.NATIVE)
    assert states() == [("jsapi", "succeeded")]
    assert s.booking(no).state == "deposit_paid"


def test_another_way_while_nobody_knows_waits(held, monkeypatch) -> None:
    """WeChat Pay refuses to close what its query does not call paid yet: no second number."""
    bank = held[0]
    begin(held, Method.JSAPI)
    number = bank.only_order()
    unpaid = bank.trades[number]
    bank.pay(number)
    monkeypatch.setattr(bank, "query", lambda _number: unpaid)
    with pytest.raises(PaymentBusy):
        begin(held, Method.NATIVE)
    assert len(bank.orders) == 1
    assert states() == [("jsapi", "pending")]


def test_who_has_no_wechat_identity_can_scan(held, app: Flask) -> None:
    bank, actor, no = held
    with pytest.raises(NeedsWeChatLogin):
        pay.open_booking_payment(actor, no, bank, NOW, app_id="wxanother", mch_id=MCH_ID)
    assert states() == []
    assert begin(held, Method.NATIVE).url.startswith("weixin://")


def test_the_payers_address_is_kept_no_longer_than_needed(held) -> None:
    bank, _, _no = held
    begin(held, Method.H5)
    assert db.session.query(Payment).one().client_ip == "192.0.2.7"
    db.session.rollback()
    bank.pay(bank.only_order())
    settlement.accept_notice(bank.notice(bank.only_order(), NOW), NOW)
    assert db.session.query(Payment).one().client_ip is None


def test_money_after_closing_without_a_notice_is_found_by_looking_again(held) -> None:
    bank, _, no = held
    begin(held, Method.JSAPI)
    number = bank.only_order()
    begin(held, Method.NATIVE)
    (payment,) = db.session.query(Payment).filter_by(out_trade_no=number)
    assert payment.next_query_at == NOW + timedelta(minutes=10)
    db.session.rollback()
    bank.pay_although_closed(number)
    assert follow_up.follow_up_payments(bank, NOW + timedelta(minutes=11)) >= 1
    assert s.booking(no).state == "deposit_paid"
    assert states() == [("jsapi", "succeeded"), ("native", "pending")]
    # and the second one, paid too, goes back
    bank.pay(next(n for n in bank.orders if n != number))
    follow_up.follow_up_payments(bank, NOW + timedelta(minutes=30))
    assert [refund.reason_code for refund in db.session.query(Refund)] == ["double"]
