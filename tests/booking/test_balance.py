"""The rest of the price: in the store or online, once; windows; hand-over needs it; all of it goes back."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.errors import (
    BalanceEarly,
    BalanceOver,
    BalanceSettled,
    CannotNow,
    DocumentUsed,
    DocumentWrong,
    LeadOnly,
    ReasonNeeded,
)
from app.booking.services import balance, release
from app.core import outbox
from app.core.db import db
from app.core.errors import NotFound
from app.core.security import living_code
from app.payments.errors import NothingDue
from app.payments.services import refunds as sweeps
from app.redemption import services
from app.redemption.rules import read_scan
from tests.booking import shop as s
from tests.booking.road import DAY, HOUR, due, money_adds_up, paid, refunds
from tests.booking.shop import NOW
from tests.booking.test_progress import paid_again

pytestmark = pytest.mark.both_databases
REST = 8_780_000


def test_recorded_in_the_store_counts_once(app: Flask) -> None:
    road = paid()
    with pytest.raises(DocumentWrong):
        balance.record_in_store(road.clerk, road.no, "  ", NOW)
    assert balance.record_in_store(road.clerk, road.no, "SJ 0001", NOW).first
    assert not balance.record_in_store(road.clerk, road.no, "SJ0001", NOW + HOUR).first  # the lost answer again
    with pytest.raises(BalanceSettled) as refusal:
        balance.record_in_store(road.lead, road.no, "SJ-0002", NOW + HOUR)
    assert "SJ0001" in refusal.value.message
    row = s.booking(road.no)
    assert (row.balance_channel, row.balance_document, row.balance_paid_at) == ("store", "SJ0001", NOW)
    assert row.balance_staff_id == road.clerk.id
    assert s.events(road.no).count("balance_paid") == 1
    with pytest.raises(BalanceSettled):
        road.order_balance()
    money_adds_up()


def test_one_receipt_settles_one_booking(app: Flask) -> None:
    road = paid(units=5, per_person=2)
    other = paid_again(road)
    balance.record_in_store(road.clerk, road.no, "SJ-0001", NOW)
    with pytest.raises(DocumentUsed):
        balance.record_in_store(road.clerk, other, "SJ-0001", NOW)


def test_paid_online_counts_once_and_is_held(app: Flask) -> None:
    road = paid()
    number = road.order_balance()
    assert road.order_balance() == number  # a second tap
    assert road.bank.orders[number].total_fen == REST
    assert road.settle(number) == "paid"
    row = s.booking(road.no)
    assert (row.balance_channel, row.balance_open, row.state) == ("online", False, "deposit_paid")
    assert s.events(road.no).count("balance_paid") == 1
    money_adds_up()
    with pytest.raises(BalanceSettled):
        balance.record_in_store(road.clerk, road.no, "SJ-0001", NOW)
    with pytest.raises(BalanceSettled):
        due(road.no, NOW)


def test_online_money_after_the_store_took_it_goes_back_by_itself(app: Flask) -> None:
    road = paid()
    number = road.order_balance()
    balance.record_in_store(road.clerk, road.no, "SJ-0001", NOW)
    road.settle(number)
    assert refunds(road.no) == [("double", REST)]
    assert s.booking(road.no).balance_channel == "store"
    assert s.events(road.no)[-1] == "double_payment"
    money_adds_up()
    sweeps.follow_up_refunds(road.bank, NOW + HOUR)
    sweeps.accept_refund_notice(road.bank.finish(next(iter(road.bank.refunds)), NOW), NOW)
    assert s.events(road.no)[-1] == "money_returned"
    assert s.booking(road.no).state == "deposit_paid"
    money_adds_up()


def test_online_money_after_the_end_goes_back_by_itself(app: Flask) -> None:
    road = paid()
    number = road.order_balance()
    release.cancel_booking(road.customer, road.no, road.bank, NOW)  # closes the order; the money comes all the same
    road.bank.pay_although_closed(number)
    from app.payments.services import settlement

    settlement.accept_notice(road.bank.notice(number, NOW), NOW)
    assert sorted(refunds(road.no)) == [("cancelled", 100_000), ("late", REST)]
    money_adds_up()
    outbox.deliver_due()


def test_a_cancelled_booking_gives_back_both_and_ends_with_the_last(app: Flask) -> None:
    road = paid()
    road.settle(road.order_balance())
    release.cancel_booking(road.customer, road.no, road.bank, NOW)
    assert sorted(refunds(road.no)) == [("cancelled", 100_000), ("cancelled", REST)]
    money_adds_up()
    sweeps.follow_up_refunds(road.bank, NOW + HOUR)
    first, second = road.bank.refunds
    sweeps.accept_refund_notice(road.bank.finish(first, NOW), NOW)
    assert s.booking(road.no).state == "refunding"
    sweeps.accept_refund_notice(road.bank.finish(second, NOW), NOW)
    assert s.booking(road.no).state == "refunded"
    assert s.events(road.no)[-2:] == ["money_returned", "refunded"]
    money_adds_up()


def test_the_two_windows_of_a_presale(app: Flask) -> None:
    start, end = NOW + 10 * DAY, NOW + 12 * DAY
    road = paid(balance_starts_at=start, balance_ends_at=end)
    row = s.booking(road.no)
    assert (row.balance_from, row.balance_until) == (start, end)
    for act in (lambda now: road.order_balance(now), lambda now: record(road, now), lambda now: due(road.no, now)):
        with pytest.raises(BalanceEarly):
            act(start - timedelta(seconds=1))
    for act in (lambda now: road.order_balance(now), lambda now: due(road.no, now)):
        with pytest.raises(BalanceOver):
            act(end)
    with pytest.raises(BalanceOver):  # WeChat Pay takes no order that ends within a minute
        road.order_balance(end - timedelta(seconds=59))
    number = road.order_balance(end - HOUR)
    assert road.bank.orders[number].expires_at == end
    record(road, end)  # who stands in the store pays while the booking lives


def record(road, now) -> None:
    balance.record_in_store(road.clerk, road.no, "SJ-0001", now)


def test_a_price_paid_at_once_has_no_balance(app: Flask) -> None:
    road = paid(earnest_fen=8_880_000)
    with pytest.raises(NothingDue):
        record(road, NOW)
    with pytest.raises(NothingDue):
        road.order_balance()
    road.hand_over(document="")
    assert s.booking(road.no).state == "handed_over"
    money_adds_up()


def test_hand_over_needs_the_balance_and_records_it_in_the_same_step(app: Flask) -> None:
    road = paid()
    seen = services.preview(road.clerk, read_scan(living_code("k", "B", road.no, NOW).token), NOW, secret="k")
    assert (seen.shown.due_fen, seen.shown.rows[3]) == (REST, ("余款", "¥87,800 待收"))
    with pytest.raises(DocumentWrong):
        services.redeem(road.clerk, seen.ticket, seen.nonce, NOW, secret="k")
    assert (s.booking(road.no).state, s.booking(road.no).balance_paid_at) == ("deposit_paid", None)
    again = services.look_again(road.clerk, seen.ticket, seen.nonce, NOW, secret="k")
    assert (again.ticket, again.nonce) == (seen.ticket, seen.nonce)
    done = services.redeem(road.clerk, seen.ticket, seen.nonce, NOW, secret="k", document="SJ-0001")
    assert services.redeem(road.clerk, seen.ticket, seen.nonce, NOW, secret="k", document="SJ-0001").id == done.id
    row = s.booking(road.no)
    assert (row.state, row.balance_document) == ("handed_over", "SJ-0001")
    assert s.events(road.no)[-2:] == ["balance_paid", "handed_over"]


def test_an_undone_hand_over_keeps_the_recorded_balance(app: Flask) -> None:
    road = paid()
    done = road.hand_over()
    services.undo(road.clerk, done, "", NOW)
    row = s.booking(road.no)
    assert (row.state, row.balance_document, row.balance_open) == ("deposit_paid", "SJ-0001", False)
    assert (row.confirmed_at, row.ready_at) == (None, None)
    seen = services.preview(road.clerk, read_scan(living_code("k", "B", road.no, NOW).token), NOW, secret="k")
    assert seen.shown.due_fen == 0
    road.hand_over(document="")
    assert s.events(road.no).count("balance_paid") == 1


def test_a_receipt_for_what_was_paid_online_meanwhile_is_told(app: Flask) -> None:
    road = paid()
    seen = services.preview(road.clerk, read_scan(living_code("k", "B", road.no, NOW).token), NOW, secret="k")
    road.settle(road.order_balance())
    with pytest.raises(BalanceSettled):
        services.redeem(road.clerk, seen.ticket, seen.nonce, NOW, secret="k", document="SJ-0001")
    services.redeem(road.clerk, seen.ticket, seen.nonce, NOW, secret="k")
    assert s.booking(road.no).balance_channel == "online"
    money_adds_up()


def test_a_wrong_record_is_put_right_by_a_leading_person(app: Flask) -> None:
    road = paid()
    record(road, NOW)
    with pytest.raises(LeadOnly):
        balance.correct(road.clerk, road.no, "SJ-0002", "号码抄错了", NOW)
    with pytest.raises(ReasonNeeded):
        balance.correct(road.lead, road.no, "SJ-0002", "", NOW)
    with pytest.raises(NotFound):
        balance.correct(s.clerk(road.shop.east, "manager"), road.no, "SJ-0002", "号码抄错了", NOW)
    balance.correct(road.lead, road.no, "SJ-0002", "号码抄错了", NOW)
    assert s.booking(road.no).balance_document == "SJ-0002"
    balance.correct(road.lead, road.no, "", "记错了订单", NOW)
    assert s.booking(road.no).balance_open
    road.settle(road.order_balance())
    with pytest.raises(CannotNow):  # what came in online is not the store's to undo
        balance.correct(road.lead, road.no, "", "记错了订单", NOW)
    assert s.events(road.no)[-3:] == ["balance_corrected", "balance_corrected", "balance_paid"]
    db.session.rollback()
