"""One day reconciled from several sides at once, and a balance that counts every fen once."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import date

import pytest
from flask import Flask

from app.booking.services import release
from app.core import outbox
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.security import Actor
from app.gateways.pay.port import RefundStatus
from app.payments.errors import RefundTooLarge
from app.payments.models import Payment, Refund
from app.payments.rules import RefundState
from app.payments.services import refunds, settlement, stuck
from app.reconciliation import queries
from app.reconciliation.models import ReconciledDay, ReconciledLine
from app.reconciliation.services import compare
from app.reconciliation.services.reconcile import reconcile
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.races.world import at_once, wins
from tests.reconciliation.bills import BillingBank, payment, stamp
from tests.reconciliation.test_reconcile import DAY, MORNING, lines, sell

pytestmark = [pytest.mark.both_databases, pytest.mark.race]


@pytest.fixture
def bank(app: Flask) -> BillingBank:
    bank = app.extensions["pay"] = BillingBank()
    return bank


@pytest.mark.parametrize("round_", range(3))
def test_a_day_reconciled_four_times_at_once_is_one_report(app: Flask, bank: BillingBank, round_: int) -> None:
    """The nightly run, the command and two buttons: no run fails, no line stands twice, each healing is told once."""
    good, missing = sell(bank, 2)
    bank.rows[DAY] = [
        payment(good, 100_000, stamp(NOW)),
        *(payment(f"P261122NOBODY{n:03d}", 500 + n, stamp(NOW)) for n in range(30)),
    ]
    outcomes = at_once(app, [lambda: reconcile(DAY, bank, MORNING) for _ in range(4)])
    assert len(wins(outcomes)) == 4, outcomes
    assert all(outcome.done for outcome in wins(outcomes))
    found = lines()
    assert len(found) == 32
    assert (found[good], found[missing]) == (("matched", ""), ("only_ours", "open"))
    assert db.session.query(ReconciledLine).count() == 32
    assert db.session.query(ReconciledDay).one().state == "done"


def test_two_bills_of_a_day_at_once_leave_what_both_have(bank: BillingBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run compares the day with another bill while this one has written and not yet taken back."""
    (number,) = sell(bank, 1)
    real, turns = compare._take_back_theirs, [None]  # pyright: ignore[reportPrivateUsage]

    def beside_another(day: date, sha1: str) -> int:
        if turns:
            turns.pop()
            bank.rows[DAY] = [payment(number, 100_000, stamp(NOW)), payment("P261122CORRECTED", 500, stamp(NOW))]
            assert reconcile(DAY, bank, MORNING).open_lines == 1
        return real(day, sha1)

    monkeypatch.setattr(compare, "_take_back_theirs", beside_another)
    bank.rows[DAY] = [payment(number, 100_000, stamp(NOW))]
    assert reconcile(DAY, bank, MORNING).open_lines == 0
    line = db.session.query(ReconciledLine).filter_by(number=number).one()
    assert (line.theirs_fen, line.theirs_state) == (100_000, "SUCCESS")
    db.session.rollback()
    assert lines()["P261122CORRECTED"] == ("only_theirs", "healed")


def closed_refund(bank: BillingBank) -> tuple[Payment, Refund]:
    """A paid booking, cancelled; WeChat Pay closed the refund."""
    sell(bank, 1)
    booking = db.session.query(s.Booking).one()
    actor, no = Actor("member", booking.member_id), booking.no
    db.session.rollback()
    release.cancel_booking(actor, no, bank, NOW)
    outbox.deliver_due()
    (number,) = bank.refunds
    bank.refunds[number] = replace(bank.refunds[number], status=RefundStatus.CLOSED)
    refunds.record_refund(bank.refunds[number], NOW)
    return db.session.query(Payment).one(), db.session.query(Refund).one()


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_second_refund_after_a_closed_one_counts_once(bank: BillingBank, by_hand: bool) -> None:
    """In = out + held, while the money waits, once a person sent it, and when another refund took it along."""
    row, refund = closed_refund(bank)
    payment_id, refund_id = row.id, refund.id
    db.session.rollback()
    assert queries.balance() == (100_000, 0, 100_000)
    db.session.rollback()
    if by_hand:
        stuck.mark_handled(Actor("operator", 7), refund_id, "已由财务线下转账", NOW)
        assert queries.balance() == (100_000, 100_000, 0)
        db.session.rollback()
    # What a person sent back otherwise is not there to be sent again.
    with pytest.raises(RefundTooLarge) if by_hand else nullcontext(), transaction():
        refunds.request_refund(settlement.lock_payment(payment_id), 40_000, "again", "再次退款", NOW)
    money_in, money_out, held = queries.balance()
    assert money_in == money_out + held == 100_000
    assert held == (0 if by_hand else 60_000)
    db.session.rollback()


def test_a_healing_is_told_once(app: Flask, bank: BillingBank) -> None:
    """Four runs ask about the same payment that nobody told us of: one of them heals it."""
    (number,) = sell(bank, 1, told=False)
    bank.trades[number] = replace(bank.trades[number], success_at=NOW)
    bank.rows[DAY] = [payment(number, 100_000, stamp(NOW))]
    outcomes = at_once(app, [lambda: reconcile(DAY, bank, MORNING) for _ in range(4)])
    assert len(wins(outcomes)) == 4, outcomes
    assert lines()[number][1] in {"healed", ""}
    assert db.session.query(AuditEntry).filter_by(action="difference_healed").count() <= 1
    assert db.session.query(Payment).one().state == "succeeded"
    assert db.session.query(Refund).filter(Refund.state != RefundState.SUCCEEDED).count() == 0
