"""Clerk against clerk, deadline against clerk, online against counter, refund against hand-over."""

import threading

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.booking.models import Booking, BookingEvent
from app.booking.services import balance, deadlines, progress, release
from app.core.db import db, transaction
from app.payments.models import Refund
from app.payments.services import settlement
from tests.booking import shop as s
from tests.booking.road import HOUR, VIN, money_adds_up, paid, refunds
from tests.booking.shop import NOW
from tests.booking.test_balance import REST
from tests.booking.test_progress import paid_again
from tests.races.world import at_once, refusals, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]


def test_without_the_guard_two_clerks_both_confirm(app: Flask) -> None:
    """What happens when the state is read first and written later: two confirmations, two messages."""
    road, looked = paid(), threading.Barrier(2)
    booking_id = s.booking(road.no).id

    def careless() -> bool:
        state = db.session.scalar(select(Booking.state).where(Booking.id == booking_id))
        db.session.rollback()
        looked.wait(timeout=30)
        if state != "deposit_paid":
            return False
        with transaction():
            db.session.execute(update(Booking).where(Booking.id == booking_id).values(state="confirmed"))
            db.session.add(BookingEvent(booking_id=booking_id, kind="confirmed", at=NOW, actor_kind="staff"))
        return True

    assert at_once(app, [careless, careless]) == [True, True]
    assert s.events(road.no).count("confirmed") == 2


def test_two_staff_confirming_are_one_confirmation(app: Flask) -> None:
    road = paid()
    people = [road.clerk, road.lead] * 3
    outcomes = wins(at_once(app, [lambda who=who: progress.confirm(who, road.no, NOW) for who in people]))
    assert sorted(outcome.first for outcome in outcomes) == [False] * 5 + [True]
    assert {outcome.by for outcome in outcomes if not outcome.first} <= {"王*", "赵*"}
    assert s.events(road.no).count("confirmed") == 1


def test_one_car_for_two_bookings_at_once(app: Flask) -> None:
    road = paid(units=5, per_person=2)
    nos = [road.no, paid_again(road)]
    for no in nos:
        progress.confirm(road.clerk, no, NOW)
    outcomes = at_once(app, [lambda no=no: progress.assign_car(road.clerk, no, VIN, NOW) for no in nos * 2])
    assert refusals(outcomes) == {"VinTaken"}
    assert sorted(str(s.booking(no).vin) for no in nos) == [VIN, "None"]


def test_the_deadline_and_the_confirmation_have_one_winner(app: Flask) -> None:
    """The clerk's clock is a second before the end, the worker's is at it: kept or refunded, never both."""
    road = paid(confirm_hours=6)
    end = NOW + 6 * HOUR
    works = [lambda: progress.confirm(road.clerk, road.no, end - HOUR / 3600)]
    works += [lambda: deadlines.enforce(road.bank, end)] * 2
    at_once(app, works)
    row = s.booking(road.no)
    kept = (row.state, row.default_kind, refunds(road.no), s.units_left(road.shop))
    assert kept in [("confirmed", None, [], 9), ("refunding", "confirm", [("dealer", 100_000)], 10)]
    assert ("dealer_missed" in s.events(road.no)) != ("confirmed" in s.events(road.no))
    money_adds_up()


def test_a_missed_promise_is_refunded_once_by_many_workers(app: Flask) -> None:
    road = paid(kind="定金", confirm_hours=6)
    at_once(app, [lambda: deadlines.enforce(road.bank, NOW + 6 * HOUR) for _ in range(5)])
    assert refunds(road.no) == [("dealer", 100_000)]
    assert db.session.query(Refund).count() == 1
    assert s.events(road.no).count("dealer_missed") == s.events(road.no).count("case_opened") == 1


def test_the_balance_online_and_in_the_store_counts_once(app: Flask) -> None:
    road = paid()
    number = road.order_balance()
    road.bank.pay(number)
    notice = road.bank.notice(number, NOW)
    outcomes = at_once(
        app,
        [
            lambda: settlement.accept_notice(notice, NOW),
            lambda: balance.record_in_store(road.clerk, road.no, "SJ-0001", NOW),
            lambda: balance.record_in_store(road.lead, road.no, "SJ-0002", NOW),
        ],
    )
    row = s.booking(road.no)
    assert s.events(road.no).count("balance_paid") == 1
    assert (row.balance_channel, refunds(road.no)) in [("online", []), ("store", [("double", REST)])]
    assert refusals(outcomes) == {"BalanceSettled"}
    money_adds_up()


def test_one_receipt_for_two_bookings_at_once(app: Flask) -> None:
    road = paid(units=5, per_person=2)
    nos = [road.no, paid_again(road)]
    outcomes = at_once(app, [lambda no=no: balance.record_in_store(road.clerk, no, "SJ-0001", NOW) for no in nos * 2])
    assert refusals(outcomes) == {"DocumentUsed"}
    assert sorted(s.booking(no).balance_document for no in nos) == ["", "SJ-0001"]


def test_without_the_guard_the_balance_counts_twice(app: Flask) -> None:
    """Read, then write without the condition: the later channel overwrites the former, and nobody is paid back."""
    road, looked = paid(), threading.Barrier(2)
    booking_id = s.booking(road.no).id

    def careless(channel: str) -> bool:
        at = db.session.scalar(select(Booking.balance_paid_at).where(Booking.id == booking_id))
        db.session.rollback()
        looked.wait(timeout=30)
        if at is not None:
            return False
        with transaction():
            values = {"balance_paid_at": NOW, "balance_channel": channel}
            db.session.execute(update(Booking).where(Booking.id == booking_id).values(values))
        return True

    assert at_once(app, [lambda: careless("store"), lambda: careless("online")]) == [True, True]


def test_refund_and_hand_over_have_one_winner(app: Flask) -> None:
    """With the balance online: handed over and held, or both amounts on their way back."""
    road = paid()
    road.settle(road.order_balance())
    at_once(
        app,
        [
            lambda: road.hand_over(document=""),
            lambda: release.cancel_booking(road.customer, road.no, road.bank, NOW),
        ],
    )
    state, back = s.booking(road.no).state, sorted(refunds(road.no))
    both = [("cancelled", 100_000), ("cancelled", REST)]
    assert (state, back, s.units_left(road.shop)) in [("handed_over", [], 9), ("refunding", both, 10)]
    money_adds_up()


def test_a_missed_promise_and_a_hand_over_have_one_winner(app: Flask) -> None:
    """The customer stands at the counter while the promise runs out: a car with its receipt, or all the money."""
    road = paid(confirm_hours=6)
    end = NOW + 6 * HOUR
    at_once(app, [lambda: road.hand_over(end), lambda: deadlines.enforce(road.bank, end)])
    row = s.booking(road.no)
    ended = (row.state, row.balance_document, refunds(road.no))
    assert ended in [("handed_over", "SJ-0001", []), ("refunding", "", [("dealer", 100_000)])]
    money_adds_up()
