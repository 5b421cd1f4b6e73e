"""Promises that ran out end by themselves, once, and say so."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.models import BookingCase
from app.booking.services import deadlines, progress
from app.core import jobs
from app.core.db import db
from app.messages.models import InboxMessage
from app.payments.models import Refund
from tests.booking import shop as s
from tests.booking.road import DAY, HOUR, VIN, money_adds_up, paid, refunds
from tests.booking.shop import NOW
from tests.booking.test_balance import REST, record

pytestmark = pytest.mark.both_databases
START, END = NOW + 10 * DAY, NOW + 12 * DAY


def test_a_missed_confirmation_is_refunded_once_with_one_number(app: Flask) -> None:
    road = paid(confirm_hours=6)
    late = NOW + 6 * HOUR
    assert deadlines.enforce(road.bank, late - timedelta(seconds=1)) == 0
    assert deadlines.enforce(road.bank, late) == 1
    numbers = [r.out_refund_no for r in db.session.query(Refund)]
    assert deadlines.enforce(road.bank, late + DAY) == 0
    row = s.booking(road.no)
    assert (row.state, row.default_kind, row.defaulted_at) == ("refunding", "confirm", late)
    assert refunds(road.no) == [("dealer", 100_000)]
    assert [r.out_refund_no for r in db.session.query(Refund)] == numbers
    assert s.events(road.no)[-1] == "dealer_missed"
    assert s.units_left(road.shop) == 10
    assert db.session.query(BookingCase).count() == 0
    money_adds_up()


def test_no_promise_is_broken_silently(app: Flask) -> None:
    road = paid(confirm_hours=6)
    deadlines.enforce(road.bank, NOW + 7 * HOUR)
    told = [m.title for m in db.session.query(InboxMessage).order_by(InboxMessage.id)]
    assert told[-1] == "门店超时，自动退款"
    note = next(e.note for e in s.booking(road.no).events if e.kind == "dealer_missed")
    assert note == "门店未在11月22日18:00前确认。¥1,000 将原路退回"


def test_a_car_that_is_not_ready_gives_back_earnest_money_and_balance(app: Flask) -> None:
    road = paid(ready_days=3)
    road.confirm()
    progress.assign_car(road.clerk, road.no, VIN, NOW)
    road.settle(road.order_balance())
    assert deadlines.enforce(road.bank, NOW + 3 * DAY) == 1
    assert s.booking(road.no).default_kind == "ready"
    assert s.booking(road.no).vin is None
    assert sorted(refunds(road.no)) == [("dealer", 100_000), ("dealer", REST)]
    money_adds_up()


def test_of_binding_money_the_other_half_is_a_case(app: Flask) -> None:
    road = paid(kind="定金", confirm_hours=6)
    deadlines.enforce(road.bank, NOW + 6 * HOUR)
    assert refunds(road.no) == [("dealer", 100_000)]
    assert [(c.kind, c.state) for c in db.session.query(BookingCase)] == [("double_return", "open")]


def test_what_the_store_took_is_a_case_too(app: Flask) -> None:
    road = paid(ready_days=3)
    road.confirm()
    record(road, NOW)
    deadlines.enforce(road.bank, NOW + 3 * DAY)
    assert [c.kind for c in db.session.query(BookingCase)] == ["store_return"]
    money_adds_up()


def test_a_kept_promise_and_an_old_booking_without_one_are_left_alone(app: Flask) -> None:
    road = paid()
    road.ready()
    assert deadlines.enforce(road.bank, NOW + 300 * DAY) == 0
    assert s.booking(road.no).state == "car_ready"


def test_the_balance_is_reminded_then_ends_the_booking(app: Flask) -> None:
    road = paid(balance_starts_at=START, balance_ends_at=END)
    road.ready()
    assert deadlines.enforce(road.bank, END - 25 * HOUR) == 0
    assert deadlines.enforce(road.bank, END - 24 * HOUR) == 1
    assert deadlines.enforce(road.bank, END - HOUR) == 0  # reminded once
    assert deadlines.enforce(road.bank, END) == 1
    assert s.events(road.no)[-2:] == ["balance_due", "given_up"]
    assert refunds(road.no) == [("balance", 100_000)]
    assert s.units_left(road.shop) == 10
    money_adds_up()


def test_nobody_loses_a_car_unreminded(app: Flask) -> None:
    """The worker was down for two days around the end: reminded first, a whole day to pay, then over."""
    road = paid(balance_starts_at=START, balance_ends_at=END)
    road.ready()
    back = END + DAY
    assert deadlines.enforce(road.bank, back) == 1
    assert s.booking(road.no).state == "car_ready"
    number = road.order_balance(back + 23 * HOUR)
    assert road.bank.orders[number].expires_at == back + DAY
    road.bank.pay(number)
    assert deadlines.enforce(road.bank, back + DAY) == 0  # WeChat Pay is asked: it was paid
    assert s.booking(road.no).balance_channel == "online"
    money_adds_up()


def test_an_unreachable_wechat_pay_ends_nothing(app: Flask) -> None:
    road = paid(balance_starts_at=START, balance_ends_at=END)
    road.ready()
    deadlines.enforce(road.bank, END - DAY)
    road.order_balance(END - HOUR)
    road.bank.down = {"query", "close"}
    assert deadlines.enforce(road.bank, END + HOUR) == 0
    assert s.booking(road.no).state == "car_ready"
    road.bank.down = set()
    assert deadlines.enforce(road.bank, END + 2 * HOUR) == 1


def test_of_binding_money_headquarters_decides_once(app: Flask) -> None:
    road = paid(kind="定金", balance_starts_at=START, balance_ends_at=END)
    road.ready()
    deadlines.enforce(road.bank, END - DAY)
    assert deadlines.enforce(road.bank, END) == 1
    assert deadlines.enforce(road.bank, END + DAY) == 0
    assert [c.kind for c in db.session.query(BookingCase)] == ["forfeit"]
    assert s.booking(road.no).state == "car_ready"
    assert refunds(road.no) == []


def test_who_stayed_away_has_a_week_to_agree_another_time(app: Flask) -> None:
    road = paid()
    road.ready()
    progress.propose_time(road.clerk, road.no, NOW + DAY, NOW)
    progress.agree_time(road.customer, road.no, NOW)
    away = NOW + DAY + HOUR
    progress.mark_no_show(road.lead, road.no, "电话未接通", away)
    assert deadlines.enforce(road.bank, away + 7 * DAY - HOUR) == 0
    assert deadlines.enforce(road.bank, away + 7 * DAY) == 1
    assert (s.booking(road.no).state, refunds(road.no)) == ("refunding", [("no_show", 100_000)])


def test_the_worker_has_the_job(app: Flask) -> None:
    app.extensions["pay"] = paid(confirm_hours=6).bank
    assert "enforce_deadlines" in jobs.listed(app)
    assert jobs.run(app, "enforce_deadlines") >= 0
