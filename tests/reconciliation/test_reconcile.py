"""Every seeded difference is found, what a query can heal is healed, the rest waits for a person."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from flask import Flask

from app.booking.models import OnePriceDeal
from app.booking.services import pay, release
from app.core import outbox
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.errors import GatewayError, NotAllowed
from app.core.security import Actor
from app.gateways.pay.port import BillDamaged
from app.payments.models import Payment, Refund
from app.payments.services import settlement
from app.reconciliation import queries
from app.reconciliation.errors import DayNotReconcilable, NothingToHandle, ReasonMissing
from app.reconciliation.models import ReconciledDay, ReconciledLine
from app.reconciliation.services.reconcile import mark_handled, nightly, reconcile
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID
from tests.reconciliation.bills import BillingBank, payment, refund, stamp

pytestmark = pytest.mark.both_databases
DAY = date(2026, 11, 22)
MORNING = datetime.fromisoformat("2026-11-23T10:30:00+08:00")
NEXT_MORNING = MORNING + timedelta(days=1)
OPERATOR = Actor("operator", 7)


@pytest.fixture
def bank(app: Flask) -> BillingBank:
    bank = app.extensions["pay"] = BillingBank()
    return bank


def sell(bank: BillingBank, people: int = 1, at: datetime = NOW, told: bool = True) -> list[str]:
    """So many paid bookings; their payment numbers."""
    shop = s.build()
    numbers: list[str] = []
    for n in range(people):
        actor = s.member(f"1390000{n:04d}")
        no = s.place(shop, actor).no
        pay.open_booking_payment(actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
        (number,) = set(bank.orders) - set(numbers)
        paid = bank.pay(number)
        bank.trades[number] = replace(paid, success_at=at)
        if told:
            settlement.accept_notice(bank.notice(number, at), at)
        numbers.append(number)
    return numbers


def lines() -> dict[str, tuple[str, str]]:
    """Number → verdict and work."""
    db.session.rollback()
    return {line.number: (line.verdict, line.work) for line in db.session.query(ReconciledLine)}


def bill_of(bank: BillingBank, numbers: list[str], day: date = DAY) -> None:
    bank.rows[day] = [payment(number, 100_000, stamp(NOW)) for number in numbers]


def test_a_day_that_agrees(bank: BillingBank) -> None:
    numbers = sell(bank, 3)
    bill_of(bank, numbers)
    outcome = reconcile(DAY, bank, MORNING)
    assert (outcome.done, outcome.open_lines) == (True, 0)
    assert lines() == dict.fromkeys(numbers, ("matched", ""))
    row = queries.find_day(DAY)
    assert row is not None
    assert row.figures["ours_paid"] == row.figures["theirs_paid"] == 300_000
    assert row.figures["fees"] == 1800
    assert row.figures["fund_in"] - row.figures["fund_out"] == 300_000 - 1800
    assert (row.figures["ever_in"], row.figures["ever_out"], row.figures["ever_held"]) == (300_000, 0, 300_000)


def test_each_seeded_difference_is_found(bank: BillingBank) -> None:
    missing, amount, state, good = sell(bank, 4)
    bank.rows[DAY] = [
        payment(good, 100_000, stamp(NOW), name="样例,`名字里有分隔符"),
        payment(amount, 99_999, stamp(NOW)),
        payment(state, 100_000, stamp(NOW), state="REVOKED"),
        payment("P261122NOBODYS", 500, stamp(NOW)),
    ]
    outcome = reconcile(DAY, bank, MORNING)
    assert outcome.open_lines == 4
    assert lines() == {
        good: ("matched", ""),
        missing: ("only_ours", "open"),
        amount: ("amount", "open"),
        state: ("state", "open"),
        "P261122NOBODYS": ("only_theirs", "open"),
    }
    again = reconcile(DAY, bank, NEXT_MORNING)
    assert again.open_lines == 4
    assert db.session.query(ReconciledLine).count() == 5
    stored = " ".join(str(value) for line in db.session.query(ReconciledLine) for value in vars(line).values())
    assert "oUpF8uMu" not in stored


def test_another_bill_of_a_day_takes_the_place_of_the_first(bank: BillingBank) -> None:
    """What the first bill had and the second has not is theirs no longer, whichever side knew of it."""
    stays, goes = sell(bank, 2)
    bank.rows[DAY] = [
        payment(stays, 100_000, stamp(NOW)),
        payment(goes, 100_000, stamp(NOW)),
        payment("P261122NOBODYS", 500, stamp(NOW)),
        payment("P261122HANDLED", 700, stamp(NOW)),
    ]
    assert reconcile(DAY, bank, MORNING).open_lines == 2
    handled = db.session.query(ReconciledLine).filter_by(number="P261122HANDLED").one().id
    db.session.rollback()
    mark_handled(OPERATOR, handled, "商户平台上的测试交易", MORNING)
    bill_of(bank, [stays])
    assert reconcile(DAY, bank, NEXT_MORNING).open_lines == 1
    assert lines() == {
        stays: ("matched", ""),
        goes: ("only_ours", "open"),
        "P261122NOBODYS": ("only_theirs", "healed"),
        "P261122HANDLED": ("only_theirs", "handled"),
    }
    line = db.session.query(ReconciledLine).filter_by(number=goes).one()
    assert (line.theirs_fen, line.theirs_state, line.fee_fen) == (None, "", 0)
    db.session.rollback()
    bill_of(bank, [stays, goes])
    assert reconcile(DAY, bank, NEXT_MORNING).open_lines == 0
    assert lines()[goes] == ("only_ours", "healed")


def test_a_payment_nobody_told_us_of_is_healed_by_a_query(bank: BillingBank) -> None:
    """Long after closing, no notice, no look: the bill finds it, and the money goes back."""
    (number,) = sell(bank, 1, told=False)
    bank.trades[number] = replace(bank.trades[number], state=bank.trades[number].state)
    with transaction():
        row = db.session.query(Payment).one()
        row.state, row.closed_at, row.next_query_at = "closed", NOW, None
        db.session.query(OnePriceDeal).one().withdrawn = True  # or the money would find its car again
    booking = db.session.query(Payment).one().payable_id
    db.session.rollback()
    release.expire_hold(booking, bank, NOW + timedelta(hours=1))
    bill_of(bank, [number])
    outcome = reconcile(DAY, bank, MORNING)
    assert outcome.open_lines == 0
    assert lines()[number] == ("state", "healed")
    assert db.session.query(Payment).one().state == "succeeded"
    assert db.session.query(Refund).one().reason_code == "late"
    assert db.session.query(AuditEntry).filter_by(action="difference_healed").count() == 1
    figures = db.session.query(ReconciledDay).one().figures
    assert figures["ever_in"] == figures["ever_out"] + figures["ever_held"] == 100_000


def test_refunds_are_compared_too(bank: BillingBank) -> None:
    numbers = sell(bank, 2)
    actor = Actor("member", db.session.query(Payment).order_by(Payment.id).first().member_id)  # pyright: ignore
    db.session.rollback()
    booking = next(iter(s.db.session.query(s.Booking).filter_by(member_id=actor.id)))
    no = booking.no
    db.session.rollback()
    release.cancel_booking(actor, no, bank, NOW)
    outbox.deliver_due()
    with transaction():
        row = db.session.query(Refund).one()
        row.accepted_at, number = NOW, row.out_refund_no
    bank.finish(number, NOW)  # the notice is lost: ours says processing, the bill says SUCCESS
    bill_of(bank, numbers)
    bank.rows[DAY] += [
        refund(number, numbers[0], 100_000, stamp(NOW)),
        refund("R261122NOBODYS", numbers[1], 300, stamp(NOW)),
    ]
    assert reconcile(DAY, bank, MORNING).open_lines == 1
    found = lines()
    assert found[number] == ("state", "healed")
    assert found["R261122NOBODYS"] == ("only_theirs", "open")
    assert db.session.query(Refund).one().state == "succeeded"
    bank.rows[DAY].pop()
    bank.rows[DAY][-1] = refund(number, numbers[0], 90_000, stamp(NOW))
    reconcile(DAY, bank, NEXT_MORNING)
    assert lines()[number] == ("amount", "open")


def test_a_refund_that_failed_moved_no_money(bank: BillingBank) -> None:
    """The trade bill lists it with amount and fee, the account's bill does not: the day adds up all the same."""
    numbers = sell(bank)
    actor = Actor("member", db.session.query(Payment).one().member_id)
    no = db.session.query(s.Booking).one().no
    db.session.rollback()
    release.cancel_booking(actor, no, bank, NOW)
    outbox.deliver_due()
    number = next(iter(bank.refunds))
    with transaction():
        row = db.session.query(Refund).one()
        row.accepted_at, row.state = NOW, "closed"
    bill_of(bank, numbers)
    bank.rows[DAY].append(refund(number, numbers[0], 100_000, stamp(NOW), "FAIL"))
    assert reconcile(DAY, bank, MORNING).open_lines == 0
    row = queries.find_day(DAY)
    assert row is not None
    assert (row.figures["ours_refunded"], row.figures["theirs_refunded"], row.figures["fees"]) == (0, 0, 600)


def test_the_border_of_the_day_waits_for_the_next_bill(bank: BillingBank) -> None:
    last_second = datetime.fromisoformat("2026-11-22T23:59:59+08:00")
    found, lost = sell(bank, 2, at=last_second)
    bank.rows[DAY] = [payment("P261122NOBODYS", 1, stamp(NOW))]
    reconcile(DAY, bank, MORNING)
    assert lines()[found] == lines()[lost] == ("border", "")
    bank.rows[DAY + timedelta(days=1)] = [payment(found, 100_000, "2026-11-23 00:00:01")]
    reconcile(DAY + timedelta(days=1), bank, NEXT_MORNING)
    db.session.rollback()
    first = db.session.query(ReconciledLine).filter_by(day=DAY)
    assert {(line.number, line.verdict, line.work) for line in first if line.number in (found, lost)} == {
        (found, "border", "healed"),
        (lost, "only_ours", "open"),
    }
    reconcile(DAY, bank, NEXT_MORNING)  # again: the same story
    assert db.session.query(ReconciledLine).filter_by(day=DAY, number=found).one().work == "healed"


def test_the_border_of_a_day_ends_with_a_day_that_has_no_bill(bank: BillingBank) -> None:
    (lost,) = sell(bank, 1, at=datetime.fromisoformat("2026-11-22T23:59:59+08:00"))
    bank.rows[DAY] = [payment("P261122NOBODYS", 1, stamp(NOW))]
    reconcile(DAY, bank, MORNING)
    assert lines()[lost] == ("border", "")
    outcome = reconcile(DAY + timedelta(days=1), bank, NEXT_MORNING)
    assert (outcome.done, outcome.note) == (True, "当日没有交易，微信支付没有账单")
    assert lines()[lost] == ("only_ours", "open")


def test_a_fund_flow_that_does_not_add_up_is_work(bank: BillingBank) -> None:
    bill_of(bank, sell(bank, 1))
    bank.moves[DAY] = [("提现", -5_000), ("交易", 7)]
    assert reconcile(DAY, bank, MORNING).open_lines == 1
    assert lines()["资金账单净额"] == ("fund", "open")
    figures = db.session.query(ReconciledDay).one().figures
    assert figures["fund_other_out"] == 5_000
    bank.moves[DAY] = [("提现", -5_000)]
    assert reconcile(DAY, bank, MORNING).open_lines == 0
    assert lines()["资金账单净额"] == ("fund", "healed")


def test_a_persons_word_ends_a_difference_and_is_kept(bank: BillingBank) -> None:
    sell(bank, 1)
    bank.rows[DAY] = [payment("P261122NOBODYS", 1, stamp(NOW))]
    reconcile(DAY, bank, MORNING)
    line = db.session.query(ReconciledLine).filter_by(number="P261122NOBODYS").one().id
    db.session.rollback()
    with pytest.raises(ReasonMissing):
        mark_handled(OPERATOR, line, " 好 ", MORNING)
    with pytest.raises(NotAllowed):
        mark_handled(Actor("member", 1), line, "我说没问题", MORNING)
    assert mark_handled(OPERATOR, line, "商户平台上的测试交易", MORNING) == DAY
    with pytest.raises(NothingToHandle):
        mark_handled(OPERATOR, line, "再说一次没问题", MORNING)
    reconcile(DAY, bank, MORNING)
    kept = db.session.get_one(ReconciledLine, line)
    assert (kept.work, kept.handled_by, kept.handled_reason) == ("handled", 7, "商户平台上的测试交易")
    assert db.session.query(AuditEntry).filter_by(action="difference_handled", actor_kind="operator").count() == 1


def test_a_bill_that_is_not_there_is_waited_for(bank: BillingBank) -> None:
    sell(bank, 1)
    assert not reconcile(DAY, bank, MORNING - timedelta(hours=1)).done  # 9:30
    assert bank.count("trade_bill") == 0
    outcome = reconcile(DAY, bank, MORNING)
    assert (outcome.done, outcome.note) == (False, "微信支付还没有这一天的账单")
    assert nightly(bank, MORNING + timedelta(minutes=10)) >= 0
    assert queries.find_day(DAY).state == "waiting"  # pyright: ignore[reportOptionalMemberAccess]
    bill_of(bank, list(bank.orders))
    nightly(bank, MORNING + timedelta(minutes=31))
    db.session.rollback()
    assert queries.find_day(DAY).state == "done"  # pyright: ignore[reportOptionalMemberAccess]


def test_a_day_without_business_has_no_bill_and_is_done(bank: BillingBank) -> None:
    outcome = reconcile(DAY, bank, MORNING)
    assert (outcome.done, outcome.open_lines) == (True, 0)
    assert nightly(bank, MORNING) == 2  # the two days before it
    assert nightly(bank, MORNING) == 0


@pytest.mark.parametrize(
    "error",
    [BillDamaged("wechatpay", "bill_digest"), GatewayError("wechatpay", "timeout", retryable=True)],
)
def test_a_bill_that_cannot_be_used_changes_nothing(bank: BillingBank, error: GatewayError) -> None:
    bill_of(bank, sell(bank, 1))
    bank.bill_error = error
    outcome = reconcile(DAY, bank, MORNING)
    assert not outcome.done
    assert error.code in outcome.note
    assert lines() == {}


@pytest.mark.parametrize("days", [0, -1, 91])
def test_days_without_bills_are_refused(bank: BillingBank, days: int) -> None:
    with pytest.raises(DayNotReconcilable):
        reconcile(MORNING.date() - timedelta(days=days), bank, MORNING)
