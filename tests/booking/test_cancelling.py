"""What cancelling and deciding mean: tables without a database, then the same table applied to a booking."""

import pytest
from flask import Flask

from app.booking.errors import CannotCancel, CaseProblem, EarnestBinding, NeedsApproval, PaidMeanwhile
from app.booking.rules import LAWS, PICK_UP, BookingState
from app.booking.rules.cancelling import Way, cancel_rule, may_dispute, way_to_cancel
from app.booking.rules.cases import Deed, Purse, judge
from app.booking.services import balance, cases, release, settling
from app.booking.services.settling import Verdict
from tests.booking.shop import NOW
from tests.booking.test_cases import HQ, REST, SOON, Deal, balanced
from tests.payments.wechat_pay import APP_ID, MCH_ID


@pytest.mark.parametrize("paid", [True, False])
@pytest.mark.parametrize("kind", LAWS)
@pytest.mark.parametrize("state", BookingState)
def test_every_state_says_what_cancelling_means(state: BookingState, kind: str, paid: bool) -> None:
    way = way_to_cancel(kind, state, paid_in_full=paid)
    if state is BookingState.HELD:
        assert way is Way.FREE
    elif state not in PICK_UP:
        assert way is Way.NONE
    elif kind == "定金":
        assert way is Way.BOUND
    else:
        assert way is (Way.APPROVAL if paid and state is BookingState.CAR_READY else Way.REFUND)
    rule = cancel_rule(kind, state, paid_in_full=paid, online_fen=100_000, store_fen=500)
    assert (rule.may_cancel, rule.may_ask) == (way in (Way.FREE, Way.REFUND), way in (Way.APPROVAL, Way.BOUND))
    assert bool(rule.sentence) is (way is not Way.NONE)
    if way is Way.REFUND:
        assert "¥1,000" in rule.sentence
        assert "¥1,000" in rule.button
        assert "¥5" in rule.sentence
    if kind != "定金":
        assert "定金" not in rule.sentence


def test_only_money_is_disputed() -> None:
    useless = {BookingState.HELD, BookingState.CANCELLED, BookingState.EXPIRED}
    assert {state for state in BookingState if not may_dispute(state)} == useless


PURSE = Purse("定金", "confirmed", 100, 100, 900, 0)


@pytest.mark.parametrize(
    ("case", "changes", "amount", "ends", "document", "deed"),
    [
        ("double_return", {}, 100, False, "付-1", Deed.PAY_OUT),
        ("double_return", {}, 101, False, "付-1", None),
        ("double_return", {}, 0, False, "付-1", None),
        ("double_return", {}, 100, False, "", None),  # WeChat Pay gives back no more than was paid: a document
        ("store_return", {"store_fen": 900}, 900, False, "付-2", Deed.PAY_OUT),
        ("store_return", {"store_fen": 900}, 899, False, "付-2", None),
        ("forfeit", {}, 900, False, "", Deed.FORFEIT),  # the balance goes back, the 定金 is kept
        ("forfeit", {}, 950, False, "", Deed.FORFEIT),
        ("forfeit", {}, 1000, False, "", Deed.END),
        ("forfeit", {}, 899, False, "", None),
        ("forfeit", {}, 1001, False, "", None),
        ("forfeit", {"kind": "订金"}, 900, False, "", None),
        ("forfeit", {"state": "deposit_paid"}, 900, False, "", None),
        ("forfeit", {"state": "handed_over"}, 900, False, "", None),
        ("dispute", {}, 1, False, "", Deed.REFUND),
        ("dispute", {}, 0, False, "", None),
        ("dispute", {}, 1001, False, "", None),
        ("dispute", {"state": "handed_over"}, 300, False, "", Deed.REFUND),
        ("dispute", {"state": "refunding"}, 300, False, "", None),
        ("dispute", {}, 1000, True, "", Deed.END),
        ("dispute", {}, 950, True, "", Deed.FORFEIT),
        ("dispute", {"kind": "订金"}, 950, True, "", None),  # a prepayment is not kept in part
        ("dispute", {"kind": "意向金"}, 1000, True, "", Deed.END),
        ("dispute", {"state": "handed_over"}, 1000, True, "", None),
    ],
)
def test_each_decision_within_its_limits(
    case: str, changes: dict[str, str], amount: int, ends: bool, document: str, deed: Deed | None
) -> None:
    values = {name: changes.get(name, getattr(PURSE, name)) for name in PURSE.__slots__}
    found, problem = judge(case, Purse(**values), amount, ends=ends, document=document)
    assert found == deed
    assert bool(problem) is (deed is None)


@pytest.mark.both_databases
def test_a_ready_car_that_is_paid_is_let_go_by_headquarters(app: Flask) -> None:
    deal = Deal(app, "订金")
    deal.pay_balance()
    deal.confirm(ready=True)
    with pytest.raises(NeedsApproval):
        release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON)
    case = cases.dispute(deal.buyer, deal.no, "家里有急事，申请取消", SOON)
    with pytest.raises(CaseProblem):  # a prepayment goes back whole, and the balance with it
        settling.settle(HQ, case, Verdict(REST, "同意取消", ends=True), SOON)
    settling.settle(HQ, case, Verdict(REST + 100_000, "同意取消", ends=True), SOON)
    assert (deal.row.state, deal.back) == ("refunding", [100_000, REST])
    balanced()


@pytest.mark.both_databases
def test_a_balance_paid_a_moment_ago_is_told_before_cancelling(app: Flask) -> None:
    deal = Deal(app, "订金")
    balance.open_balance_payment(deal.buyer, deal.no, deal.bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    number = list(deal.bank.orders)[-1]
    deal.bank.pay(number)  # and the notice never arrives
    with pytest.raises(PaidMeanwhile):
        release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON)
    assert deal.row.balance_paid_at is not None
    release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON)
    assert deal.back == [100_000, REST]


@pytest.mark.both_databases
def test_cancelling_closes_a_balance_that_nobody_paid(app: Flask) -> None:
    deal = Deal(app, "订金")
    balance.open_balance_payment(deal.buyer, deal.no, deal.bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON)
    assert (deal.bank.count("close"), deal.back) == (1, [100_000])
    balanced()


def test_what_is_over_or_bound_is_not_cancelled(app: Flask) -> None:
    deal = Deal(app)
    with pytest.raises(EarnestBinding):
        release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON)
    deal.confirm()
    settling.settle(HQ, deal.open("forfeit"), Verdict(0, "按条款处理"), SOON)
    with pytest.raises(CannotCancel):
        release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON)
