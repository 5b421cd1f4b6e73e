"""Refunds that did not go back by themselves: asked about, sent to a card, or marked by a person with a reason."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from app.booking.models import Booking
from app.booking.queries.money import get_money
from app.booking.services import pay, release
from app.core import outbox
from app.core.audit import AuditEntry
from app.core.db import db
from app.core.errors import GatewayError, NotAllowed
from app.core.security import Actor
from app.gateways.pay.port import BankCard, RefundStatus
from app.ledger.models import LedgerEntry
from app.members import privacy
from app.messages.models import InboxMessage
from app.payments import queries
from app.payments.errors import CardWrong, NotStuck, ReasonMissing
from app.payments.models import Payment, Refund
from app.payments.services import refunds, settlement, stuck
from app.payments.services.personal import blocks
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

OPERATOR = Actor("operator", 3)
CARD = BankCard("ICBC_DEBIT", "6222020200112233", "周样例")


class CardBank(Bank):
    cards: list[str] = []

    def refund_to_card(self, refund_id: str, out_refund_no: str, card: BankCard):
        self._call("card", out_refund_no)
        self.refunds[out_refund_no] = replace(self.refunds[out_refund_no], status=RefundStatus.PROCESSING)
        return self.refunds[out_refund_no]


@pytest.fixture
def abnormal(app: Flask) -> tuple[CardBank, str, int]:
    bank = app.extensions["pay"] = CardBank()
    shop, actor = s.build(), s.member()
    no = s.place(shop, actor).no
    pay.open_booking_payment(actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    bank.pay(bank.only_order())
    settlement.accept_notice(bank.notice(bank.only_order(), NOW), NOW)
    release.cancel_booking(actor, no, bank, NOW)
    outbox.deliver_due()
    (number,) = bank.refunds
    bank.refunds[number] = replace(bank.refunds[number], status=RefundStatus.ABNORMAL)
    refunds.record_refund(bank.refunds[number], NOW)
    return bank, number, db.session.query(Refund).one().id


def test_an_abnormal_refund_is_asked_about_hourly(abnormal) -> None:
    bank, number, _ = abnormal
    assert refunds.follow_up_refunds(bank, NOW + timedelta(minutes=59)) == 0
    bank.finish(number, NOW)  # somebody finished it in WeChat Pay's portal
    assert refunds.follow_up_refunds(bank, NOW + timedelta(minutes=61)) == 1
    assert db.session.query(Refund).one().state == "succeeded"


def test_a_card_ends_it_and_is_kept_nowhere(abnormal) -> None:
    bank, number, refund_id = abnormal
    stuck.send_to_card(OPERATOR, refund_id, CARD, bank, NOW)
    row = db.session.get_one(Refund, refund_id)
    assert (row.state, row.reapplied_at) == ("abnormal", NOW)  # no state goes back
    assert CARD.account not in str([vars(row), [entry.detail for entry in db.session.query(AuditEntry)], repr(CARD)])
    db.session.rollback()
    bank.finish(number, NOW)
    assert refunds.follow_up_refunds(bank, NOW + timedelta(minutes=12)) == 1
    assert db.session.get_one(Refund, refund_id).state == "succeeded"


@pytest.mark.parametrize("change", [{"account": "12"}, {"bank_type": "工商"}, {"name": " "}])
def test_a_card_that_cannot_be_right_is_refused(abnormal, change) -> None:
    bank, _, refund_id = abnormal
    with pytest.raises(CardWrong):
        stuck.send_to_card(OPERATOR, refund_id, replace(CARD, **change), bank, NOW)
    assert bank.count("card") == 0


def test_wechat_pay_down_leaves_it_as_it_was(abnormal) -> None:
    bank, _, refund_id = abnormal
    bank.down = {"card"}
    with pytest.raises(GatewayError):
        stuck.send_to_card(OPERATOR, refund_id, CARD, bank, NOW)
    assert db.session.get_one(Refund, refund_id).reapplied_at is None


def test_a_persons_word_takes_it_off_the_list_and_is_audited(abnormal) -> None:
    bank, number, refund_id = abnormal
    assert [refund.id for refund, _ in queries.list_stuck()] == [refund_id]
    db.session.rollback()
    with pytest.raises(NotAllowed):
        stuck.mark_handled(Actor("staff", 1), refund_id, "已转账给客户", NOW)
    with pytest.raises(ReasonMissing):
        stuck.mark_handled(OPERATOR, refund_id, "好", NOW)
    stuck.mark_handled(OPERATOR, refund_id, "已在商户平台转账给客户", NOW)
    with pytest.raises(NotStuck):
        stuck.mark_handled(OPERATOR, refund_id, "再说一次没有问题", NOW)
    assert queries.list_stuck() == []
    assert [row.handled_by for row in queries.list_handled()] == [3]
    assert db.session.query(AuditEntry).filter_by(action="refund_handled", actor_id=3).count() == 1
    db.session.rollback()
    bank.finish(number, NOW)  # what the bank says later still counts
    refunds.record_refund(bank.refunds[number], NOW)
    assert db.session.get_one(Refund, refund_id).state == "succeeded"


def messages_of(member_id: int) -> list[str]:
    """Titles and sentences about money back that the person got."""
    outbox.deliver_due()
    rows = db.session.query(InboxMessage).filter_by(member_id=member_id).order_by(InboxMessage.id)
    found = [f"{row.title} {row.body}" for row in rows if "退款已" in row.title]
    db.session.rollback()
    return found


def test_a_persons_word_about_an_abnormal_refund_ends_the_booking_once(abnormal) -> None:
    """It no longer waits for a word of WeChat Pay that may never come; one that comes is told and booked no more."""
    bank, number, refund_id = abnormal
    booking = db.session.query(Booking).one()
    member_id, booking_id = booking.member_id, booking.id
    assert booking.state == "refunding"
    db.session.rollback()
    stuck.mark_handled(OPERATOR, refund_id, "已转账，回单号 8801", NOW)
    assert db.session.get_one(Booking, booking_id, populate_existing=True).state == "refunded"
    assert privacy.blocks(member_id) == []
    db.session.rollback()
    assert len(messages_of(member_id)) == 1
    back = [e for e in db.session.query(LedgerEntry) if e.event == "refunded"]
    assert len(back) == 1
    db.session.rollback()
    bank.finish(number, NOW)
    refunds.record_refund(bank.refunds[number], NOW)
    assert db.session.get_one(Refund, refund_id, populate_existing=True).state == "succeeded"
    db.session.rollback()
    assert len(messages_of(member_id)) == 1
    assert len([e for e in db.session.query(LedgerEntry) if e.event == "refunded"]) == 1
    assert db.session.query(AuditEntry).filter_by(action="handled_refund_succeeded").count() == 1


def test_what_went_to_a_card_did_not_go_back_the_way_it_came(abnormal) -> None:
    bank, number, refund_id = abnormal
    booking_id, member_id = db.session.query(Booking.id, Booking.member_id).one()
    stuck.send_to_card(OPERATOR, refund_id, CARD, bank, NOW)

    def words() -> str:
        db.session.rollback()
        return get_money(db.session.get_one(Booking, booking_id)).lines[-1].text

    assert "已改退到您的银行卡，等待银行入账" in words()
    db.session.rollback()
    bank.finish(number, NOW)
    refunds.record_refund(bank.refunds[number], NOW)
    assert "已改退到您的银行卡，以银行入账为准" in words()
    assert "原路" not in words()
    (sentence,) = messages_of(member_id)
    assert "已改退到您的银行卡" in sentence
    assert "原路" not in sentence


def test_a_refund_nobody_saw_to_keeps_the_account(abnormal) -> None:
    """Whoever is owed money stays reachable until headquarters has seen to it, also after WeChat Pay closed it."""
    bank, number, refund_id = abnormal
    member_id = db.session.query(Payment).one().member_id
    assert any(number in line for line in blocks(member_id))
    bank.refunds[number] = replace(bank.refunds[number], status=RefundStatus.CLOSED)
    refunds.record_refund(bank.refunds[number], NOW)
    assert any(number in line for line in blocks(member_id))
    stuck.mark_handled(OPERATOR, refund_id, "现金退还，收据 15 号", NOW)
    assert blocks(member_id) == []
    outbox.deliver_due()
    told = [m.body for m in db.session.query(InboxMessage).filter_by(member_id=member_id) if "退" in m.title]
    assert sum("人工办理" in body for body in told) == 1
    assert not any("全部退回" in body for body in told)  # one thing happened: one message
