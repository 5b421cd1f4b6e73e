"""The last units: no more are sold than there are, and nobody gets more than the limit."""

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.booking.models import Booking, OnePriceDeal
from app.core.db import db, transaction
from tests.booking import shop as s
from tests.races.world import at_once, refusals, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]


def test_without_the_guard_units_are_oversold(app: Flask) -> None:
    """What happens when the number left is read first and written later, as shops do."""
    import threading

    shop = s.build(units=1)
    looked = threading.Barrier(2)

    def careless() -> bool:
        left = db.session.scalar(select(OnePriceDeal.units_left).where(OnePriceDeal.id == shop.deal_id))
        db.session.rollback()
        looked.wait(timeout=30)
        if not left:
            return False
        with transaction():
            db.session.execute(update(OnePriceDeal).where(OnePriceDeal.id == shop.deal_id).values(units_left=left - 1))
        return True

    assert at_once(app, [careless, careless]) == [True, True]  # one unit, two buyers
    assert s.units_left(shop) == 0


def test_forty_people_at_the_last_ten_units(app: Flask) -> None:
    shop = s.build(units=10)
    people = [s.member(f"139{n:08d}") for n in range(40)]
    outcomes = at_once(app, [lambda who=who: s.place(shop, who) for who in people])
    assert len(wins(outcomes)) == 10
    assert refusals(outcomes) == {"SoldOut"}
    assert s.units_left(shop) == 0
    assert db.session.query(Booking).count() == 10


def test_one_person_tapping_in_parallel_gets_one_booking(app: Flask) -> None:
    shop, actor = s.build(units=10), s.member()
    wishes = [s.wish(shop, idempotency_key="one-form-many-taps") for _ in range(8)]
    same = at_once(app, [lambda w=w: s.place_booking(actor, w, s.NOW) for w in wishes])
    assert len({placed.no for placed in wins(same)}) == 1
    assert len(wins(same)) == 8
    other_forms = at_once(app, [lambda: s.place(shop, actor) for _ in range(8)])
    assert refusals(other_forms) == {"LimitReached"}
    assert not wins(other_forms)
    assert s.units_left(shop) == 9


def test_two_people_at_the_last_unit(app: Flask) -> None:
    shop = s.build(units=1)
    first, second = s.member(), s.member("13900000001")
    outcomes = at_once(app, [lambda: s.place(shop, first), lambda: s.place(shop, second)])
    assert len(wins(outcomes)) == 1
    assert refusals(outcomes) == {"SoldOut"}
