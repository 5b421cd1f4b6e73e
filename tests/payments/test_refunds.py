"""Money back: one number for ever, never more than was paid."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from app.admin.queries import list_stuck_refunds
from app.booking.queries import get_booking_page
from app.booking.services import pay, release
from app.core import outbox
from app.core.db import db, transaction
from app.gateways.pay.port import RefundState, RefundStatus
from app.payments import queries
from app.payments.errors import RefundTooLarge
from app.payments.models import Refund
from app.payments.services import refunds, settlement
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

pytestmark = pytest.mark.both_databases
LATER = NOW + timedelta(minutes=2)


@pytest.fixture
def cancelled(app: Flask) -> tuple[Bank, str]:
    """A paid booking that was cancelled: its refund is decided, not yet sent."""
    bank = app.extensions["pay"] = Bank()
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay.open_booking_payment(actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    number = bank.only_order()
    bank.pay(number)
    settlement.accept_notice(bank.notice(number, NOW), NOW)
    release.cancel_booking(actor, no, bank, NOW)
    assert not bank.refunds  # the row first, the call after the commit
    return bank, no


def refund() -> Refund:
    db.session.rollback()
    return db.session.query(Refund).one()


def test_a_retry_carries_the_same_number(cancelled) -> None:
    bank, no = cancelled
    number = refund().out_refund_no
    bank.down = {"refund"}
    assert outbox.deliver_due() == 0
    bank.down = set()
    assert refunds.follow_up_refunds(bank, LATER) == 1  # WeChat Pay never heard of it: sent again, same number
    refunds.send_refund(refund().id, bank, LATER)
    assert list(bank.refunds) == [number]
    assert refund().state == "processing"
    assert s.booking(no).state == "refunding"


def test_a_lost_refund_notice_is_found_by_asking(cancelled) -> None:
    bank, no = cancelled
    outbox.deliver_due()
    bank.finish(refund().out_refund_no, NOW)  # the notice never arrives
    assert refunds.follow_up_refunds(bank, LATER) == 1
    assert (refund().state, s.booking(no).state) == ("succeeded", "refunded")
    assert refunds.follow_up_refunds(bank, LATER + timedelta(days=1)) == 0


def test_a_refund_that_needs_a_person_is_told_once_and_listed(cancelled) -> None:
    bank, no = cancelled
    outbox.deliver_due()
    number = refund().out_refund_no
    for status in (RefundStatus.ABNORMAL, RefundStatus.ABNORMAL, RefundStatus.CLOSED):
        bank.refunds[number] = replace(bank.refunds[number], status=status)
        refunds.record_refund(bank.refunds[number], LATER)
        (stuck,) = list_stuck_refunds()
        assert (stuck.booking_no, stuck.amount_fen, stuck.state) == (no, 100_000, status.value.lower())
    assert s.events(no).count("refund_trouble") == 1
    page = get_booking_page(no, s.booking(no).member_id, LATER)
    assert page.next_step.startswith("退款遇到问题，我们会尽快人工处理")
    assert "退款遇到问题，我们会尽快人工处理" in [step.title for step in page.steps]


def test_an_abnormal_refund_that_succeeds_is_settled(cancelled) -> None:
    bank, no = cancelled
    outbox.deliver_due()
    number = refund().out_refund_no
    bank.refunds[number] = replace(bank.refunds[number], status=RefundStatus.ABNORMAL)
    refunds.record_refund(bank.refunds[number], LATER)
    assert refunds.accept_refund_notice(bank.finish(number, LATER), LATER) == "refund_recorded"
    assert s.booking(no).state == "refunded"
    assert list_stuck_refunds() == []


def test_a_refund_that_is_done_at_once(cancelled) -> None:
    bank, no = cancelled
    bank.finish_refunds = True
    assert outbox.deliver_due() == 1
    assert (refund().state, s.booking(no).state) == ("succeeded", "refunded")


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"refund_fen": 1}, "wrong_amount"),
        ({"total_fen": 1}, "wrong_amount"),
        ({"out_trade_no": "Pother00"}, "other_transaction"),
        ({"out_refund_no": "Rnobody"}, "unknown_order"),
    ],
)
def test_a_refund_notice_is_compared(cancelled, change, verdict) -> None:
    bank, no = cancelled
    outbox.deliver_due()
    notice = bank.finish(refund().out_refund_no, NOW)
    wrong = replace(notice, notice_id="EV-x", refund=replace(notice.refund, **change))
    assert refunds.accept_refund_notice(wrong, NOW) == verdict
    other = replace(notice, notice_id="EV-y", mch_id="1900000999")
    assert refunds.accept_refund_notice(other, NOW) == "wrong_merchant"
    assert s.booking(no).state == "refunding"
    assert refunds.accept_refund_notice(notice, NOW) == "refund_recorded"
    assert s.booking(no).state == "refunded"


def test_refunds_never_exceed_what_was_paid(cancelled) -> None:
    (payment,) = queries.list_succeeded("booking", 1)
    with pytest.raises(RefundTooLarge), transaction():
        refunds.request_refund(settlement.lock_payment(payment.id), 1, "goodwill", "样例", NOW)
    first = refund().id
    with transaction():  # the same reason again is the same refund
        again = refunds.request_refund(settlement.lock_payment(payment.id), 100_000, "cancelled", "样例", NOW)
        assert again.id == first
    assert db.session.query(Refund).count() == 1


def test_an_unreachable_wechat_pay_is_asked_again_later(cancelled) -> None:
    bank, _ = cancelled
    bank.down = {"refund", "query_refund"}
    assert refunds.follow_up_refunds(bank, LATER) == 0
    bank.down = set()
    assert refunds.follow_up_refunds(bank, LATER) == 0  # its turn has not come
    assert refunds.follow_up_refunds(bank, LATER + timedelta(minutes=2)) == 1


def test_one_broken_refund_does_not_stop_the_rest(cancelled, monkeypatch: pytest.MonkeyPatch) -> None:
    bank, _ = cancelled
    refund_no, payment_id = refund().out_refund_no, refund().payment_id
    with transaction():
        payment = settlement.lock_payment(payment_id)
        payment.amount_fen += 1  # room for a second one
        refunds.request_refund(payment, 1, "goodwill", "样例", NOW + timedelta(seconds=1))
    broken, query = refund_no, bank.query_refund

    def answer(number: str) -> RefundState:
        if number == broken:
            raise RuntimeError("boom")
        return query(number)

    monkeypatch.setattr(bank, "query_refund", answer)
    monkeypatch.setattr(refunds, "send_refund", lambda *_: None)
    assert refunds.follow_up_refunds(bank, LATER) == 0
    db.session.rollback()
    assert db.session.query(Refund).filter(Refund.next_query_at > LATER).count() == 2
