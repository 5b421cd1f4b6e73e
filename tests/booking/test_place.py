"""Placing: the unit, the limit, the price, the dealer."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app.booking.errors import (
    DealerUnavailable,
    DealNotRunning,
    LimitReached,
    PriceChanged,
    SoldOut,
    TermsChanged,
)
from app.booking.models import Booking, OnePriceDeal
from app.booking.rules import HOLD
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.security import VISITOR
from app.members import queries as members
from tests.booking import shop as s
from tests.booking.shop import NOW

pytestmark = pytest.mark.both_databases


def test_a_booking_takes_one_unit_and_holds_it_for_fifteen_minutes(app: Flask) -> None:
    shop, actor = s.build(), s.member()
    placed = s.place(shop, actor)
    assert placed.hold_until == NOW + HOLD == NOW + timedelta(minutes=15)
    row = s.booking(placed.no)
    assert (row.state, row.slot, row.price_fen, row.earnest_fen) == ("held", 1, 8_880_000, 100_000)
    assert row.car_name == "岫 S5 2026款 长续航版"
    assert len(row.terms_hash) == 64
    assert s.units_left(shop) == 9
    assert s.events(placed.no) == ["held"]
    assert actor.id is not None
    assert members.has_consent(actor.id, "terms", placed.no)
    assert members.has_consent(actor.id, "share_with_dealer", "west")


def test_the_same_form_twice_is_one_booking(app: Flask) -> None:
    shop, actor = s.build(), s.member()
    first = s.place(shop, actor, idempotency_key="k")
    second = s.place(shop, actor, idempotency_key="k")
    assert first == second
    assert s.units_left(shop) == 9


def test_the_last_unit_goes_to_one_of_two(app: Flask) -> None:
    shop = s.build(units=1)
    s.place(shop, s.member())
    with pytest.raises(SoldOut):
        s.place(shop, s.member("13900000001"))
    assert s.units_left(shop) == 0


def test_the_limit_for_each_person(app: Flask) -> None:
    shop, actor = s.build(per_person=2), s.member()
    s.place(shop, actor)
    s.place(shop, actor)
    with pytest.raises(LimitReached):
        s.place(shop, actor)
    assert s.units_left(shop) == 8  # the refused one gave its unit back


def test_a_changed_price_is_told_and_asked_again(app: Flask) -> None:
    shop, actor = s.build(), s.member()
    with pytest.raises(PriceChanged):
        s.place(shop, actor, seen_price_fen=8_880_001)
    with pytest.raises(TermsChanged):
        s.place(shop, actor, terms_version="old")
    assert s.units_left(shop) == 10


def test_only_a_participating_open_dealer_takes_bookings(app: Flask) -> None:
    shop, actor = s.build(), s.member()
    for dealer_id in (shop.closed, 999):
        with pytest.raises(DealerUnavailable):
            s.place(shop, actor, dealer_id=dealer_id)


@pytest.mark.parametrize("days", [-2, 5, 6])
def test_the_window_is_half_open(app: Flask, days: int) -> None:
    shop, actor = s.build(), s.member()
    with pytest.raises(DealNotRunning):
        s.place(shop, actor, NOW + timedelta(days=days))


def test_a_withdrawn_or_unknown_deal_and_a_visitor_are_refused(app: Flask) -> None:
    shop, actor = s.build(), s.member()
    with pytest.raises(NotFound):
        s.place(shop, actor, deal_slug="nothing")
    with pytest.raises(NotFound):
        s.place(shop, VISITOR)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(withdrawn=True))
    with pytest.raises(DealNotRunning):
        s.place(shop, actor)
    assert db.session.query(Booking).count() == 0
