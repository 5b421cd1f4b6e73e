"""The money of bookings in the ledger: what came in, what went back, once each, in the chain of their store."""

import pytest
from flask import Flask

from app.booking.services import balance, release
from app.core.db import db
from app.ledger.queries import list_entries_of
from app.payments.models import Refund
from app.payments.services import refunds, settlement
from tests.booking import shop as s
from tests.booking.road import DAY, Road, paid
from tests.booking.shop import NOW
from tests.booking.test_balance import REST
from tests.ledger.book import problems


def rows(road: Road) -> list[tuple[str, int]]:
    """(event, fen) of the booking in its store's chain."""
    found = list_entries_of(f"booking:{s.booking(road.no).id}")
    assert {row.chain for row, _ in found} == {road.shop.west}
    assert problems(road.shop.west) == []
    return [(row.event, row.amount_fen) for row, _ in found]


@pytest.mark.both_databases
def test_earnest_money_balance_and_hand_over(app: Flask) -> None:
    road = paid()
    road.ready()
    road.settle(road.order_balance())
    road.hand_over(document="")
    assert rows(road) == [("paid", 100_000), ("paid", REST), ("redeemed", 0)]


def test_a_balance_taken_at_the_hand_over_and_one_that_was_not(app: Flask) -> None:
    road = paid()
    road.ready()
    balance.record_in_store(road.clerk, road.no, "SJ-0001", NOW)
    balance.record_in_store(road.clerk, road.no, "SJ-0001", NOW)
    balance.correct(road.lead, road.no, "", "收据开错，客户未付", NOW)
    road.hand_over(document="SJ-0002")
    assert rows(road) == [("paid", 100_000), ("paid", REST), ("unpaid", REST), ("paid", REST), ("redeemed", 0)]


@pytest.mark.both_databases
def test_money_that_went_back(app: Flask) -> None:
    road = paid()
    release.cancel_booking(road.customer, road.no, road.bank, NOW)
    refund = db.session.query(Refund).one().id
    db.session.rollback()
    refunds.send_refund(refund, road.bank, NOW)
    (number,) = road.bank.refunds
    notice = road.bank.finish(number, NOW + DAY)
    assert [refunds.accept_refund_notice(notice, NOW + DAY) for _ in range(2)] == ["refund_recorded", "duplicate"]
    assert rows(road) == [("paid", 100_000), ("refunded", 100_000)]


def test_the_same_notice_twice_is_one_row(app: Flask) -> None:
    road = paid()
    number = road.bank.only_order()
    settlement.accept_notice(road.bank.notice(number, NOW), NOW)
    db.session.rollback()
    assert rows(road) == [("paid", 100_000)]
