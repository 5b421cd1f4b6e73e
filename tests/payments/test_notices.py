"""A notice is not a payment: it is stored, compared, and only then believed."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.services import pay
from app.core.audit import AuditEntry
from app.core.db import db
from app.gateways.pay.port import TradeState
from app.payments import payables
from app.payments.models import Payment, PaymentNotice
from app.payments.services import settlement
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.killing import run_until_line
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

pytestmark = pytest.mark.both_databases


@pytest.fixture
def ordered(app: Flask) -> tuple[Bank, str, str]:
    """WeChat Pay, the booking's number, the order's number; paid, but not yet told."""
    shop, actor, bank = s.build(), s.member(), Bank()
    no = s.place(shop, actor).no
    pay.open_booking_payment(actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    number = bank.only_order()
    bank.pay(number)
    return bank, no, number


def payment() -> Payment:
    db.session.rollback()
    return db.session.query(Payment).one()


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"total_fen": 1}, "wrong_amount"),
        ({"total_fen": 100_001}, "wrong_amount"),
        ({"total_fen": None}, "wrong_amount"),
        ({"currency": "USD"}, "wrong_currency"),
        ({"mch_id": "1900000999"}, "wrong_merchant"),
        ({"app_id": "wxother"}, "wrong_app"),
        ({"out_trade_no": "P000000NOBODYS"}, "unknown_order"),
    ],
)
def test_a_mismatch_is_stored_flagged_and_never_credited(ordered, change, verdict) -> None:
    bank, no, number = ordered
    assert settlement.accept_notice(bank.notice(number, NOW, **change), NOW) == verdict
    assert s.booking(no).state == "held"
    assert payment().state == "pending"
    (row,) = db.session.query(PaymentNotice).all()
    assert row.verdict == verdict
    assert "openid" not in row.facts
    assert db.session.query(AuditEntry).filter_by(action=f"notice_{verdict}").count() == 1
    # the true notice still counts afterwards
    assert settlement.accept_notice(bank.notice(number, NOW), NOW) == "paid"
    assert s.booking(no).state == "deposit_paid"


def test_a_notice_of_an_unpaid_order_changes_nothing(ordered) -> None:
    bank, no, number = ordered
    assert settlement.accept_notice(bank.notice(number, NOW, state=TradeState.NOTPAY), NOW) == "not_paid"
    assert s.booking(no).state == "held"


def test_the_same_notice_twice(ordered) -> None:
    bank, no, number = ordered
    same = bank.notice(number, NOW)
    assert settlement.accept_notice(same, NOW) == "paid"
    assert settlement.accept_notice(same, NOW) == "duplicate"
    assert settlement.accept_notice(bank.notice(number, NOW), NOW) == "duplicate"  # told again under another id
    assert s.events(no) == ["held", "deposit_paid"]
    assert db.session.query(PaymentNotice).count() == 2


def test_another_transaction_for_the_same_number_is_flagged(ordered) -> None:
    bank, _no, number = ordered
    settlement.accept_notice(bank.notice(number, NOW), NOW)
    other = bank.notice(number, NOW, transaction_id="42000other")
    assert settlement.accept_notice(other, NOW) == "other_transaction"
    assert db.session.query(AuditEntry).filter_by(action="notice_other_transaction").count() == 1


def test_paid_and_booked_commit_together(ordered, monkeypatch) -> None:
    bank, no, number = ordered
    real = payables.of("booking")

    class Broken:
        def __getattr__(self, name: str):
            return getattr(real, name)

        def on_paid(self, payment, now) -> None:
            real.on_paid(payment, now)
            raise RuntimeError("the process died here")

    payables.register("booking", Broken())  # pyright: ignore[reportArgumentType]
    try:
        with pytest.raises(RuntimeError):
            settlement.accept_notice(bank.notice(number, NOW), NOW)
    finally:
        payables.register("booking", real)
    assert (payment().state, s.booking(no).state) == ("pending", "held")
    assert db.session.query(PaymentNotice).count() == 0  # so that WeChat Pay's next try is not a duplicate
    assert settlement.settle_from_query(bank.query(number), NOW) == "paid"
    assert (payment().state, s.booking(no).state) == ("succeeded", "deposit_paid")


def test_success_is_final(ordered) -> None:
    bank, _, number = ordered
    settlement.accept_notice(bank.notice(number, NOW), NOW)
    for state in (TradeState.NOTPAY, TradeState.CLOSED, TradeState.REFUND):
        found = bank.notice(number, NOW + timedelta(seconds=1), state=state)
        assert settlement.accept_notice(found, NOW) == "not_paid"
    assert payment().state == "succeeded"


def test_killed_at_any_line_a_notice_counts_wholly_or_not_at_all(ordered) -> None:
    """The process dies at the first line, the eighth, the fifteenth …; WeChat Pay tells us again each time."""
    bank, no, number = ordered
    line, deaths = 1, 0
    while run_until_line(line, lambda: settlement.accept_notice(bank.notice(number, NOW), NOW)):
        deaths += 1
        db.session.remove()
        seen = payment().state, s.booking(no).state, len(s.events(no))
        assert seen in {("pending", "held", 1), ("succeeded", "deposit_paid", 2)}, f"line {line}"
        if seen[0] == "succeeded":
            break  # it died after the commit
        line += 7
    assert deaths > 10
    settlement.accept_notice(bank.notice(number, NOW), NOW)
    assert (payment().state, s.booking(no).state, len(s.events(no))) == ("succeeded", "deposit_paid", 2)
