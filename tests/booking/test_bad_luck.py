"""Bad luck between booking and paying: every case ends in an order or in money back."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.errors import EarnestBinding, PaidMeanwhile, PaymentOpen
from app.booking.services import pay, release
from app.core import outbox
from app.core.db import db
from app.core.errors import GatewayError
from app.core.security import Actor
from app.gateways.pay.port import CashierParams, OrderPaid, Transaction
from app.messages.models import InboxMessage
from app.payments.errors import AlreadyPaid, HoldTooShort, NothingDue
from app.payments.models import Payment
from app.payments.services import follow_up, refunds, settlement
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

pytestmark = pytest.mark.both_databases
SOON, AFTER = NOW + timedelta(seconds=30), NOW + timedelta(minutes=16)
CLOSED = NOW + timedelta(minutes=26)  # the orders' own time is over, too: a hold and its extension


def pay_for(actor: Actor, no: str, bank: Bank, now=NOW) -> CashierParams:
    return pay.open_booking_payment(actor, no, bank, now, app_id=APP_ID, mch_id=MCH_ID)


@pytest.fixture
def bank(app: Flask) -> Bank:
    app.extensions["pay"] = bank = Bank()
    return bank


def test_from_the_hold_to_the_paid_deposit(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    number = bank.only_order()
    bank.pay(number)
    assert settlement.accept_notice(bank.notice(number, SOON), SOON) == "paid"
    assert s.booking(no).state == "deposit_paid"
    assert s.events(no) == ["held", "deposit_paid"]
    assert s.units_left(shop) == 9


def test_double_tap_on_pay_is_one_order(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    first = pay_for(actor, no, bank)
    assert pay_for(actor, no, bank, SOON) == first
    assert list(bank.orders) == [bank.only_order()]


def test_the_browser_says_ok_and_nothing_was_paid(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    assert pay.check_payment(actor, no, bank, SOON) is False
    assert s.booking(no).state == "held"


def test_follow_up_finishes_what_a_killed_process_left(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    bank.pay(bank.only_order())  # and the notice never arrives
    assert follow_up.follow_up_payments(bank, SOON) == 1
    assert s.booking(no).state == "deposit_paid"
    assert follow_up.follow_up_payments(bank, SOON) == 0


def test_wechat_pay_down_while_ordering_keeps_the_hold_and_the_number(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    bank.down = {"create"}
    with pytest.raises(GatewayError):
        pay_for(actor, no, bank)
    assert s.booking(no).state == "held"
    bank.down = set()
    pay_for(actor, no, bank, SOON)
    assert s.booking(no).state == "held"
    assert Payment.__table__.name == "payments"
    assert bank.count("create") == 1


def test_expiry_asks_wechat_pay_first(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    bank.pay(bank.only_order())
    release.expire_holds(bank, AFTER)
    assert s.booking(no).state == "deposit_paid"
    assert s.units_left(shop) == 9


def test_expiry_closes_the_order_and_frees_the_unit_once(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    assert release.expire_holds(bank, NOW + timedelta(minutes=14)) == 0
    assert release.expire_holds(bank, AFTER) == 1
    assert release.expire_holds(bank, AFTER) == 0
    told = db.session.query(InboxMessage).filter_by(member_id=actor.id).one()
    assert told.title == "预订名额已释放"
    assert "没有产生费用" in told.body
    assert bank.count("close") == 1
    row = s.booking(no)
    assert (row.state, row.slot) == ("expired", None)
    assert s.units_left(shop) == 10
    s.place(shop, actor, AFTER)  # the place in the limit is free again


def test_an_unreachable_wechat_pay_keeps_the_hold(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    for call in ({"query"}, {"close"}):
        bank.down = call
        assert release.expire_holds(bank, AFTER) == 0
        assert s.booking(no).state == "held"
    bank.down = set()
    assert release.expire_holds(bank, AFTER) == 1


def test_paid_says_the_closing_and_not_yet_says_the_query(
    app: Flask, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, actor = s.build(), s.member()
    placed = s.place(shop, actor)
    no = placed.no
    pay_for(actor, no, bank)
    number = bank.only_order()

    def refuse(_number: str) -> None:
        raise OrderPaid("wechatpay", "ORDERPAID")

    monkeypatch.setattr(bank, "close", refuse)  # the query still answers NOTPAY
    assert release.expire_hold(placed.id, bank, AFTER) is False
    with pytest.raises(PaymentOpen):
        release.cancel_booking(actor, no, bank, SOON)
    assert s.booking(no).state == "held"
    assert s.units_left(shop) == 9
    bank.pay(number)
    assert release.expire_holds(bank, AFTER) == 0
    assert s.booking(no).state == "deposit_paid"


def held_by_three(bank: Bank) -> list[str]:
    """Three holds with open orders; the number of the oldest order stands first in the bank."""
    shop, nos = s.build(), []
    for n in range(3):
        actor, at = s.member(f"1390000000{n}"), NOW + timedelta(seconds=n)
        nos.append(s.place(shop, actor, at).no)
        pay_for(actor, nos[-1], bank, at)
    return nos


@pytest.mark.parametrize("error", [RuntimeError("boom"), GatewayError("wechatpay", "SIGN_ERROR")])
def test_one_broken_order_does_not_stop_the_sweeps(
    app: Flask, bank: Bank, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    nos = held_by_three(bank)
    broken, query = next(iter(bank.orders)), bank.query

    def answer(number: str) -> Transaction:
        if number == broken:
            raise error
        return query(number)

    monkeypatch.setattr(bank, "query", answer)
    assert follow_up.follow_up_payments(bank, CLOSED) == 2
    assert follow_up.follow_up_payments(bank, CLOSED) == 0  # put off, not asked again at once
    assert release.expire_holds(bank, CLOSED) == 2
    assert [s.booking(no).state for no in nos] == ["held", "expired", "expired"]


def test_a_hold_that_fails_for_ever_stands_behind_the_others(
    app: Flask, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    nos = held_by_three(bank)
    broken, query = next(iter(bank.orders)), bank.query

    def answer(number: str) -> Transaction:
        if number == broken:
            raise GatewayError("wechatpay", "SYSTEM_ERROR", retryable=True)
        return query(number)

    monkeypatch.setattr(bank, "query", answer)
    assert release.expire_holds(bank, AFTER) == 0  # the oldest is asked first, and ends the turn
    assert release.expire_holds(bank, AFTER) == 2
    assert [s.booking(no).state for no in nos] == ["held", "expired", "expired"]


def test_an_outage_ends_the_turn_after_one_question(app: Flask, bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    held_by_three(bank)
    asked: list[str] = []

    def silence(number: str) -> Transaction:
        asked.append(number)
        raise GatewayError("wechatpay", "unreachable", retryable=True)

    monkeypatch.setattr(bank, "query", silence)
    assert follow_up.follow_up_payments(bank, AFTER) == release.expire_holds(bank, AFTER) == 0
    assert len(asked) == 2


def test_paid_after_the_hold_but_before_anybody_released_it(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    number = bank.only_order()
    bank.pay(number)
    settlement.accept_notice(bank.notice(number, AFTER), AFTER)
    assert s.booking(no).state == "deposit_paid"


def test_late_money_is_returned_and_told(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(units=1), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    number = bank.only_order()
    paid = bank.notice(number, AFTER)
    release.expire_holds(bank, AFTER)
    s.place(shop, s.member("13900000001"), AFTER)  # the unit is somebody else's
    # WeChat Pay took the money although it had closed the order: the notice is what counts.
    bank.trades[number] = paid.transaction
    transaction = bank.pay(number)
    assert settlement.accept_notice(bank.notice(number, AFTER), AFTER) == "paid"
    assert transaction.transaction_id
    assert s.booking(no).state == "expired"
    assert s.units_left(shop) == 0
    assert s.events(no) == ["held", "expired", "late_payment", "queued_first"]
    assert outbox.deliver_due() == 1
    (refund_no,) = bank.refunds
    refunds.accept_refund_notice(bank.finish(refund_no, AFTER), AFTER)
    assert s.events(no)[-1] == "money_returned"
    assert "原路退回" in s.booking(no).events[-1].note


def test_no_new_attempt_in_the_last_minute(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    with pytest.raises(HoldTooShort):
        pay_for(actor, no, bank, NOW + timedelta(minutes=14, seconds=1))
    with pytest.raises(NothingDue):
        pay_for(actor, no, bank, NOW + timedelta(minutes=15))
    assert not bank.orders
    pay_for(actor, no, bank, NOW + timedelta(minutes=14))
    assert bank.orders[bank.only_order()].expires_at == NOW + timedelta(minutes=25)  # through an extension


def test_an_order_that_is_paid_already_is_found_when_tapping_again(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    bank.pay(bank.only_order())
    later = NOW + timedelta(hours=2)  # the prepay id is stale, so the order is placed again
    from app.booking.models import Booking
    from app.core.db import db, transaction

    with transaction():
        db.session.query(Booking).update({"hold_until": later + timedelta(hours=1)})
    with pytest.raises(AlreadyPaid):
        pay_for(actor, no, bank, later)
    assert s.booking(no).state == "deposit_paid"


def test_cancel_an_unpaid_hold_closes_its_order(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    release.cancel_booking(actor, no, bank, SOON)
    release.cancel_booking(actor, no, bank, SOON)  # twice is the same
    assert s.booking(no).state == "cancelled"
    assert s.units_left(shop) == 10
    assert bank.count("close") == 1


def test_cancel_finds_that_it_was_paid(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    bank.pay(bank.only_order())
    with pytest.raises(PaidMeanwhile):
        release.cancel_booking(actor, no, bank, SOON)
    assert s.booking(no).state == "deposit_paid"


def paid_booking(bank: Bank, kind: str = "订金") -> tuple[s.Shop, Actor, str]:
    shop, actor = s.build(kind=kind), s.member()
    no = s.place(shop, actor).no
    pay_for(actor, no, bank)
    number = bank.only_order()
    bank.pay(number)
    settlement.accept_notice(bank.notice(number, SOON), SOON)
    return shop, actor, no


def test_cancel_a_paid_booking_gives_the_money_back(app: Flask, bank: Bank) -> None:
    shop, actor, no = paid_booking(bank)
    release.cancel_booking(actor, no, bank, SOON)
    assert s.booking(no).state == "refunding"
    assert s.units_left(shop) == 10
    outbox.deliver_due()
    (refund_no,) = bank.refunds
    notice = bank.finish(refund_no, SOON)
    assert refunds.accept_refund_notice(notice, SOON) == "refund_recorded"
    assert refunds.accept_refund_notice(notice, SOON) == "duplicate"
    assert s.booking(no).state == "refunded"
    assert s.units_left(shop) == 10


def test_binding_earnest_is_not_cancelled_by_a_tap(app: Flask, bank: Bank) -> None:
    _, actor, no = paid_booking(bank, kind="定金")
    with pytest.raises(EarnestBinding):
        release.cancel_booking(actor, no, bank, SOON)
    assert s.booking(no).state == "deposit_paid"
