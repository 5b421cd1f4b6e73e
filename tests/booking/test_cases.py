"""Headquarters decides: with an amount, within the law, once; money in is money out plus money held at every step."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.errors import (
    CaseClosed,
    CaseProblem,
    CaseWordsMissing,
    DisputeUseless,
    TooManyDisputes,
)
from app.booking.models import Booking, BookingCase
from app.booking.services import balance, cases, pay, progress, release, settling
from app.booking.services.settling import Verdict
from app.core import outbox
from app.core.audit import AuditEntry
from app.core.db import db
from app.core.errors import NotAllowed, NotFound
from app.core.security import SYSTEM, Actor
from app.payments.models import Payment, Refund
from app.payments.services import refunds, settlement
from app.reconciliation.queries import balance as books
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

pytestmark = pytest.mark.both_databases
HQ = Actor("operator", 7)
SOON = NOW + timedelta(minutes=5)
REST = 8_880_000 - 100_000


class Deal:
    """One paid booking and the people around it."""

    def __init__(self, app: Flask, kind: str = "定金", **deal: object) -> None:
        self.bank = app.extensions["pay"] = Bank()
        self.shop, self.buyer = s.build(kind=kind, **deal), s.member()
        self.lead = s.clerk(self.shop.west, "manager")
        self.no = s.place(self.shop, self.buyer).no
        self.pay(pay.open_booking_payment)

    def pay(self, begin) -> None:
        before = set(self.bank.orders)
        begin(self.buyer, self.no, self.bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
        (number,) = set(self.bank.orders) - before
        self.bank.pay(number)
        settlement.accept_notice(self.bank.notice(number, NOW), NOW)

    def pay_balance(self) -> None:
        self.pay(balance.open_balance_payment)

    def confirm(self, ready: bool = False) -> None:
        progress.confirm(self.lead, self.no, SOON)
        if ready:
            progress.assign_car(self.lead, self.no, "WVWZZZ1KZAW000001", SOON)
            progress.mark_ready(self.lead, self.no, SOON)

    def open(self, kind: str) -> int:
        return cases.open_case(self.row.id, kind, "样例原因", SYSTEM, SOON)

    def money_arrives(self) -> None:
        outbox.deliver_due()
        for number in list(self.bank.refunds):
            refunds.accept_refund_notice(self.bank.finish(number, SOON), SOON)

    @property
    def row(self) -> Booking:
        return s.booking(self.no)

    @property
    def back(self) -> list[int]:
        db.session.rollback()
        return [r.amount_fen for r in db.session.query(Refund).order_by(Refund.id)]


@pytest.fixture
def deal(app: Flask) -> Deal:
    return Deal(app)


def balanced() -> None:
    """Money in equals money out plus money held."""
    db.session.rollback()
    money_in, money_out, held = books()
    assert money_in == money_out + held


def test_a_forfeit_keeps_the_earnest_money_and_gives_the_balance_back(deal: Deal) -> None:
    deal.pay_balance()
    deal.confirm()
    case = deal.open("forfeit")
    with pytest.raises(CaseProblem):
        settling.settle(HQ, case, Verdict(0, "按条款处理"), SOON)
    settling.settle(HQ, case, Verdict(REST, "按条款处理"), SOON)
    assert (deal.row.state, deal.back, s.units_left(deal.shop)) == ("forfeited", [REST], 10)
    balanced()
    deal.money_arrives()
    assert deal.row.state == "forfeited"
    balanced()


def test_a_part_of_the_earnest_money_given_back_by_goodwill(deal: Deal) -> None:
    deal.confirm()
    settling.settle(HQ, deal.open("forfeit"), Verdict(40_000, "协商退回一部分"), SOON)
    assert (deal.row.state, deal.back) == ("forfeited", [40_000])
    balanced()


def test_the_other_half_is_recorded_with_its_document(deal: Deal) -> None:
    """WeChat Pay sends back what was paid and no more, so the second half is paid another way."""
    case = deal.open("double_return")
    with pytest.raises(CaseProblem):
        settling.settle(HQ, case, Verdict(100_000, "已对公转账"), SOON)
    settling.settle(HQ, case, Verdict(100_000, "已对公转账", "转账 20261122-01"), SOON)
    row = db.session.get_one(BookingCase, case)
    assert (row.state, row.amount_fen, row.document, row.settled_by) == ("settled", 100_000, "转账 20261122-01", 7)
    assert deal.back == []
    assert "转账 20261122-01" in deal.row.events[-1].note
    balanced()


def test_a_dispute_is_asked_once_and_answered_with_a_part(deal: Deal) -> None:
    with pytest.raises(CaseWordsMissing):
        cases.dispute(deal.buyer, deal.no, " 退 ", SOON)
    with pytest.raises(NotFound):
        cases.dispute(s.member("13900002087"), deal.no, "家里有急事", SOON)
    case = cases.dispute(deal.buyer, deal.no, "门店少装了一项配置", SOON)
    assert cases.dispute(deal.buyer, deal.no, "门店少装了一项配置", SOON) == case
    settling.settle(HQ, case, Verdict(30_000, "补偿差价"), SOON)
    assert (deal.row.state, deal.back) == ("deposit_paid", [30_000])
    balanced()
    deal.money_arrives()
    assert deal.row.state == "deposit_paid"  # a part that goes back ends nothing
    assert deal.row.events[-1].kind == "money_returned"
    deal.confirm()
    settling.settle(HQ, deal.open("dispute"), Verdict(70_000, "同意退订", ends=True), SOON)
    assert (deal.row.state, deal.back) == ("refunding", [30_000, 70_000])
    deal.money_arrives()
    assert deal.row.state == "refunded"
    balanced()


def test_headquarters_lets_go_of_binding_money(deal: Deal) -> None:
    case = cases.dispute(deal.buyer, deal.no, "家里有急事，无法购车", SOON)
    with pytest.raises(CaseProblem):  # nobody confirmed yet, so nothing of it can be kept
        settling.settle(HQ, case, Verdict(50_000, "同意退一半", ends=True), SOON)
    settling.settle(HQ, case, Verdict(100_000, "同意退订", ends=True), SOON)
    assert (deal.row.state, deal.back, s.units_left(deal.shop)) == ("refunding", [100_000], 10)
    assert s.events(deal.no)[-1] == "given_back"


def test_no_car_is_owed_for_money_that_went_back(deal: Deal) -> None:
    """Everything goes back only by ending the booking, or a car would be handed over as paid with nothing paid."""
    deal.confirm()
    case = cases.dispute(deal.buyer, deal.no, "门店少装了一项配置", SOON)
    with pytest.raises(CaseProblem):
        settling.settle(HQ, case, Verdict(100_000, "全部补偿"), SOON)
    settling.settle(HQ, case, Verdict(99_999, "补偿差价"), SOON)
    with pytest.raises(CaseProblem):
        settling.settle(HQ, deal.open("dispute"), Verdict(1, "再补偿一次"), SOON)
    assert (deal.row.state, deal.back) == ("confirmed", [99_999])
    balanced()


def test_earnest_money_and_balance_go_back_together(app: Flask) -> None:
    deal = Deal(app, "订金")
    deal.pay_balance()
    release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON)
    assert (deal.row.state, deal.back) == ("refunding", [100_000, REST])
    balanced()
    outbox.deliver_due()
    first, second = deal.bank.refunds
    refunds.accept_refund_notice(deal.bank.finish(second, SOON), SOON)
    assert deal.row.state == "refunding"
    refunds.accept_refund_notice(deal.bank.finish(first, SOON), SOON)
    assert deal.row.state == "refunded"
    balanced()


def test_a_balance_paid_in_the_store_goes_back_in_the_store(app: Flask) -> None:
    deal = Deal(app, "订金")
    deal.confirm()
    balance.record_in_store(deal.lead, deal.no, "SJ-20261122-7", SOON)
    release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON)
    deal.money_arrives()
    assert (deal.row.state, deal.back) == ("refunding", [100_000])  # not all of it is back
    case = db.session.query(BookingCase).one()
    case_id, kind = case.id, case.kind
    assert (kind, "SJ-20261122-7" in case.reason) == ("store_return", True)
    with pytest.raises(CaseProblem):
        settling.refuse(HQ, case_id, "不予退还", SOON)
    with pytest.raises(CaseProblem):
        settling.settle(HQ, case_id, Verdict(REST - 1, "门店已退", "TK-1"), SOON)
    settling.settle(HQ, case_id, Verdict(REST, "门店已退", "TK-1"), SOON)
    assert deal.row.state == "refunded"
    balanced()


def test_a_refused_case_is_answered_and_can_be_asked_again_three_times(deal: Deal) -> None:
    for n in range(3):
        case = cases.dispute(deal.buyer, deal.no, f"想取消，第 {n} 次", SOON)
        settling.refuse(HQ, case, "定金按条款不退", SOON)
    assert deal.row.events[-1].note == "定金按条款不退"
    assert (deal.row.state, deal.back) == ("deposit_paid", [])
    with pytest.raises(TooManyDisputes):
        cases.dispute(deal.buyer, deal.no, "再问一次", SOON)


def test_the_same_decision_twice_is_one_and_another_is_told(deal: Deal) -> None:
    case = cases.dispute(deal.buyer, deal.no, "少装了一项配置", SOON)
    with pytest.raises(NotAllowed):
        settling.settle(deal.lead, case, Verdict(1, "店里自己定"), SOON)
    with pytest.raises(CaseWordsMissing):
        settling.settle(HQ, case, Verdict(30_000, " 好 "), SOON)
    for _ in range(2):
        settling.settle(HQ, case, Verdict(30_000, "补偿差价"), SOON)
    for other in (Verdict(30_001, "补偿差价"), Verdict(30_000, "另一个答复")):
        with pytest.raises(CaseClosed):
            settling.settle(HQ, case, other, SOON)
    with pytest.raises(CaseClosed):
        settling.refuse(HQ, case, "不同意退款", SOON)
    assert deal.back == [30_000]
    trail = db.session.query(AuditEntry).filter_by(action="booking_case_settled").one()
    assert (trail.actor_id, trail.detail["amount_fen"]) == (7, 30_000)


def test_nothing_paid_is_nothing_to_dispute(app: Flask) -> None:
    shop, buyer = s.build(), s.member()
    with pytest.raises(DisputeUseless):
        cases.dispute(buyer, s.place(shop, buyer).no, "想退款可以吗", NOW)
    assert db.session.query(Payment).count() == 0
