"""Money against time, clerk against clerk, tap against tap."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.services import pay, release
from app.core.db import db, transaction
from app.core.security import Actor, living_code
from app.gateways.pay.port import Method
from app.payments.models import Payment, Refund
from app.payments.services import refunds, settlement
from app.redemption import services
from app.redemption.models import Redemption
from app.redemption.rules import read_scan
from tests.booking import road
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank
from tests.races.world import at_once, refusals, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]
AFTER = NOW + timedelta(minutes=16)


def begin(actor: Actor, no: str, bank: Bank, now=NOW):
    return pay.open_booking_payment(actor, no, bank, now, app_id=APP_ID, mch_id=MCH_ID)


def test_parallel_open_payment_gives_one_number(app: Flask) -> None:
    shop, actor, bank = s.build(), s.member(), Bank()
    no = s.place(shop, actor).no
    outcomes = at_once(app, [lambda: begin(actor, no, bank) for _ in range(8)])
    assert len(wins(outcomes)) == 8, outcomes
    assert len(bank.orders) == 1
    assert db.session.query(Payment).count() == 1


@pytest.mark.parametrize("round_", range(4))
def test_expiry_and_payment_have_one_winner(app: Flask, round_: int) -> None:
    """The notice and three sweeps at the same moment: the unit is sold or the money goes back."""
    shop, actor, bank = s.build(), s.member(), Bank()
    no = s.place(shop, actor).no
    begin(actor, no, bank)
    number = bank.only_order()

    def paid() -> str:
        bank.pay(number)
        return settlement.accept_notice(bank.notice(number, AFTER), AFTER)

    at_once(app, [paid, *[lambda: release.expire_holds(bank, AFTER) for _ in range(3)]])
    state, left = s.booking(no).state, s.units_left(shop)
    back = db.session.query(Refund).count()
    paid_up = db.session.query(Payment).filter_by(state="succeeded").count()
    assert (state, left, back, paid_up) in {("deposit_paid", 9, 0, 1), ("expired", 10, 1, 1), ("expired", 10, 0, 0)}


def test_the_same_notice_from_many_directions_counts_once(app: Flask) -> None:
    shop, actor, bank = s.build(), s.member(), Bank()
    no = s.place(shop, actor).no
    begin(actor, no, bank)
    number = bank.only_order()
    transaction = bank.pay(number)
    same = bank.notice(number, NOW)
    works = [lambda: settlement.accept_notice(same, NOW)] * 4
    works += [lambda: settlement.settle_from_query(transaction, NOW)] * 4
    outcomes = at_once(app, works)
    assert sorted(wins(outcomes)) == ["duplicate"] * 7 + ["paid"]
    assert s.events(no) == ["held", "deposit_paid"]


def test_cancel_twice_at_once_refunds_once(app: Flask) -> None:
    one = road.paid()
    at_once(app, [lambda: release.cancel_booking(one.customer, one.no, one.bank, NOW) for _ in range(6)])
    assert s.booking(one.no).state == "refunding"
    assert s.units_left(one.shop) == 10
    assert [r.amount_fen for r in db.session.query(Refund)] == [100_000]


def test_two_clerks_confirm_and_one_wins(app: Flask) -> None:
    one = road.paid()
    scan = read_scan(living_code("k", "B", one.no, NOW).token)
    clerks = [s.clerk(one.shop.west) for _ in range(6)]
    seen = [services.preview(clerk, scan, NOW, secret="k") for clerk in clerks]
    works = [
        lambda c=c, p=p: services.redeem(c, p.ticket, p.nonce, NOW, secret="k", document="SJ-0001")
        for c, p in zip(clerks, seen, strict=True)
    ]
    outcomes = at_once(app, works)
    assert len(wins(outcomes)) == 1
    assert refusals(outcomes) == {"AlreadyHandedOver"}
    assert db.session.query(Redemption).count() == 1


def test_hand_over_and_cancellation_have_one_winner(app: Flask) -> None:
    one = road.paid()
    seen = services.preview(one.clerk, read_scan(living_code("k", "B", one.no, NOW).token), NOW, secret="k")
    at_once(
        app,
        [
            lambda: services.redeem(one.clerk, seen.ticket, seen.nonce, NOW, secret="k", document="SJ-0001"),
            lambda: release.cancel_booking(one.customer, one.no, one.bank, NOW),
        ],
    )
    state = s.booking(one.no).state
    back, handed = db.session.query(Refund).count(), db.session.query(Redemption).count()
    assert (state, back, handed, s.units_left(one.shop)) in {("handed_over", 0, 1, 9), ("refunding", 1, 0, 10)}


def test_parallel_partial_refunds_never_exceed_what_was_paid(app: Flask) -> None:
    """Five wish for 30 % of the money at once: three get it. The same wish twice is one refund."""
    road.paid()
    payment_id = db.session.query(Payment).one().id
    db.session.rollback()

    def wish(reason: str) -> int:
        with transaction():
            return refunds.request_refund(settlement.lock_payment(payment_id), 30_000, reason, "样例", NOW).id

    reasons = [f"part{n}" for n in range(5)]
    outcomes = at_once(app, [lambda reason=reason: wish(reason) for reason in reasons])
    assert len(wins(outcomes)) == 3, outcomes
    assert refusals(outcomes) == {"RefundTooLarge"}
    rows = db.session.query(Refund).all()
    assert sum(row.amount_fen for row in rows) == 90_000
    known, reason = rows[0].id, rows[0].reason_code
    db.session.rollback()
    assert wins(at_once(app, [lambda: wish(reason) for _ in range(4)])) == [known] * 4


def test_a_refund_sent_and_asked_about_at_once_is_one_refund(app: Flask) -> None:
    """The outbox, the follow-up and a notice meet: one number, one row, told once."""
    one = road.paid()
    release.cancel_booking(one.customer, one.no, one.bank, NOW)
    row = db.session.query(Refund).one()
    refund_id, refund_no = row.id, row.out_refund_no
    db.session.rollback()
    outcomes = at_once(app, [lambda: refunds.send_refund(refund_id, one.bank, NOW) for _ in range(6)])
    assert len(wins(outcomes)) == 6, outcomes
    assert list(one.bank.refunds) == [refund_no]
    done = one.bank.finish(refund_no, AFTER)
    works = [lambda: refunds.accept_refund_notice(done, AFTER)] * 3
    works += [lambda: refunds.record_refund(one.bank.refunds[refund_no], AFTER)] * 3
    outcomes = at_once(app, works)
    assert sorted(wins(outcomes)) == ["duplicate"] * 5 + ["refund_recorded"], outcomes
    assert s.events(one.no).count("refunded") == 1


def test_three_screens_at_once_leave_one_open_attempt(app: Flask) -> None:
    """Each wants another way to pay: whoever is refused may try again, never two numbers that can be paid."""
    shop, actor, bank = s.build(), s.member(), Bank()
    no = s.place(shop, actor).no

    def way(method: Method):
        return pay.open_booking_payment(
            actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID, method=method, client_ip="192.0.2.7"
        )

    outcomes = at_once(app, [lambda m=m: way(m) for m in list(Method) * 2])
    assert wins(outcomes)
    assert refusals(outcomes) <= {"PaymentBusy", "AlreadyPaid", "OrderClosed"}
    payable = [n for n, t in bank.trades.items() if t.state.value == "NOTPAY"]
    open_ = db.session.query(Payment).filter(Payment.state.in_(["created", "pending"])).all()
    assert len(open_) <= 1
    assert set(payable) <= {row.out_trade_no for row in open_}
