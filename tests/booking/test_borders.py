"""What changes beside a booking: a dealer that leaves the deal, a month or a year that ends."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.booking.errors import DealerUnavailable
from app.booking.models import DealDealer
from app.booking.services import progress
from app.core.clock import say
from app.core.db import db, transaction
from tests.booking import road as r
from tests.booking import shop as s
from tests.booking.shop import NOW


def test_a_dealer_that_left_takes_no_new_booking_and_keeps_its_old_ones(app: Flask) -> None:
    road, late = r.paid(), s.member("13900000077")
    with transaction():
        db.session.query(DealDealer).filter_by(dealer_id=road.shop.west).delete()
    left = s.units_left(road.shop)
    with pytest.raises(DealerUnavailable):
        s.place(road.shop, late)
    assert s.units_left(road.shop) == left
    assert s.place(road.shop, late, dealer_id=road.shop.east).no
    assert progress.confirm(road.clerk, road.no, NOW).first


@pytest.mark.parametrize(
    ("paid", "words"),
    [
        (datetime(2026, 12, 31, 15, 59, 30, tzinfo=UTC), ("1月1日23:59", "1月8日23:59")),  # a year ends in Beijing
        (datetime(2028, 2, 27, 16, 0, tzinfo=UTC), ("2月29日00:00", "3月7日00:00")),  # a leap day
        (datetime(2027, 3, 13, 20, 0, tzinfo=UTC), ("3月15日04:00", "3月22日04:00")),  # summer time begins elsewhere
    ],
)
def test_promises_are_hours_and_days_across_every_border(app: Flask, paid: datetime, words: tuple[str, str]) -> None:
    road = r.paid(
        paid, confirm_hours=24, ready_days=7, starts_at=paid - timedelta(days=1), ends_at=paid + timedelta(days=9)
    )
    assert s.booking(road.no).confirm_by == paid + timedelta(hours=24)
    road.confirm(paid + timedelta(hours=24, seconds=-1))
    booking = s.booking(road.no)
    assert booking.ready_by == paid + timedelta(days=8, seconds=-1)
    assert (say(paid + timedelta(hours=24)), say(paid + timedelta(days=8))) == words
