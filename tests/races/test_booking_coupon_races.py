"""Coupons between two bookings, and between a booking's choice and its end: held by one, given back once."""

import threading

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.booking.models import Booking
from app.booking.rules import BookingState
from app.booking.services import release
from app.booking.services.coupons import use_coupons
from app.core.db import db, transaction
from app.coupons.models import Coupon
from app.coupons.services import state
from app.ledger.models import LedgerEntry
from tests.booking import road as r
from tests.booking import shop as s
from tests.coupons import campaigns as c
from tests.races.world import at_once, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]
NOW = c.NOW


def two_bookings() -> tuple[r.Road, str, int]:
    """One member with two paid bookings and one coupon."""
    road = r.paid(per_person=2)
    second = s.place(road.shop, road.customer)
    with transaction():
        db.session.execute(update(Booking).where(Booking.no == second.no).values(state="deposit_paid", confirm_by=NOW))
    c.campaign(scope="整车")
    return road, second.no, c.claim(road.customer).coupon_id


def test_without_the_guard_two_bookings_hold_one_coupon(app: Flask) -> None:
    road, second, coupon_id = two_bookings()
    looked = threading.Barrier(2)

    def careless(no: str) -> bool:
        free = db.session.scalar(select(Coupon.state).where(Coupon.id == coupon_id)) == "issued"
        db.session.rollback()
        looked.wait(timeout=30)
        if not free:
            return False
        with transaction():
            db.session.execute(update(Booking).where(Booking.no == no).values(coupon_fen=300_000))
        return True

    assert at_once(app, [lambda: careless(road.no), lambda: careless(second)]) == [True, True]
    assert s.booking(road.no).coupon_fen + s.booking(second).coupon_fen == 600_000  # twice the coupon's worth


def test_two_bookings_want_one_coupon_and_one_gets_it(app: Flask) -> None:
    road, second, coupon_id = two_bookings()

    def use(no: str) -> str:
        use_coupons(road.customer, no, [coupon_id], 8_580_000, road.bank, NOW)
        return no

    outcomes = at_once(app, [lambda no=no: use(no) for no in (road.no, second) * 2])
    held = c.coupon(coupon_id)
    winner = db.session.get_one(Booking, held.held_by).no
    assert set(wins(outcomes)) == {winner}
    assert s.booking(road.no).coupon_fen + s.booking(second).coupon_fen == 300_000
    assert c.events(coupon_id) == ["claimed", "held"]


def test_choosing_against_cancelling_leaves_the_coupon_in_one_place(app: Flask) -> None:
    road = r.paid()
    c.campaign(scope="整车")
    coupon_id = c.claim(road.customer).coupon_id

    def use() -> str:
        use_coupons(road.customer, road.no, [coupon_id], 8_580_000, road.bank, NOW)
        return "used"

    def cancel() -> str:
        release.cancel_booking(road.customer, road.no, road.bank, NOW)
        return "cancelled"

    def counter() -> str:
        state.redeem(coupon_id, road.shop.west, 300_000, road.clerk, NOW)
        return "redeemed"

    outcomes = at_once(app, [use, cancel, counter])
    assert "cancelled" in wins(outcomes)
    booking, coupon = s.booking(road.no), c.coupon(coupon_id)
    assert booking.state == BookingState.REFUNDING
    assert (coupon.state, coupon.held_by) == ("redeemed" if "redeemed" in wins(outcomes) else "issued", None)
    db.session.rollback()
    rows = [row.event for row in db.session.scalars(select(LedgerEntry).order_by(LedgerEntry.id))]
    assert rows.count("held") == rows.count("released")
    assert s.units_left(road.shop) == 10
