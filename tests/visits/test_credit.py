"""A touch is ours, lasts seven days, keeps the first visit and credits the last."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.booking.services.place import place_booking
from app.core.db import db, transaction
from app.visits import services
from app.visits.models import Visit, VisitCredit
from app.visits.rules import Touch, is_robot, pack, unpack
from tests.booking import shop as s
from tests.coupons import campaigns as c

SECRET, NOW = "a secret of the tests, long enough", s.NOW
TOUCH = Touch("ABCDEFGHJKM2", "23456789ABCD", NOW)


def test_touch_comes_back_as_it_was_packed_within_seven_days():
    packed = pack(TOUCH, SECRET)
    assert unpack(packed, SECRET, NOW + timedelta(days=6, hours=23)) == TOUCH
    assert unpack(packed, SECRET, NOW + timedelta(days=7)) is None
    assert unpack(packed, SECRET, NOW - timedelta(days=1)) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p[:-1] + "g",
        lambda p: "Z" + p[1:],
        lambda p: p + "0",
        lambda p: "",
        lambda p: "A" * 4000,
        lambda p: "٣" * 60,
    ],
)
def test_touch_with_one_letter_changed_is_none(spoil):
    assert unpack(spoil(pack(TOUCH, SECRET)), SECRET, NOW) is None
    assert unpack(pack(TOUCH, SECRET), "another secret", NOW) is None


def test_program_that_says_so_is_no_person():
    assert is_robot("")
    assert is_robot("Mozilla/5.0 (compatible; Googlebot/2.1)")
    assert is_robot("python-requests/2")
    assert not is_robot("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.50")


@pytest.mark.both_databases
def test_same_code_within_half_an_hour_is_one_visit_and_first_is_kept(app):
    shop = s.build()
    first = services.record_visit(None, 1, shop.west, NOW)
    again = services.record_visit(first, 1, shop.west, NOW + timedelta(minutes=29))
    other = services.record_visit(again, 2, shop.east, NOW + timedelta(minutes=29))
    later = services.record_visit(other, 2, shop.east, NOW + timedelta(hours=2))
    assert again == first
    assert first.first == first.last
    assert other.first == later.first == first.first
    assert len({first.last, other.last, later.last}) == 3
    assert db.session.query(Visit).count() == 3


@pytest.mark.both_databases
def test_booking_and_claim_credit_the_last_touch_and_none_without(app):
    shop = s.build(per_person=5)
    c.campaign(per_person=5)
    person = s.member()
    place_booking(person, s.wish(shop), NOW)
    c.claim(person)
    assert db.session.query(VisitCredit).count() == 0
    placed = place_booking(person, s.wish(shop, touch=TOUCH), NOW)
    claimed = c.claim(person, touch=TOUCH)
    rows = {
        (row.subject_kind, row.subject_id, row.dealer_id, row.first_ref, row.last_ref)
        for row in db.session.query(VisitCredit)
    }
    assert rows == {
        ("booking", placed.id, shop.west, TOUCH.first, TOUCH.last),
        ("claim", claimed.coupon_id, None, TOUCH.first, TOUCH.last),
    }


@pytest.mark.both_databases
def test_a_second_credit_for_the_same_thing_leaves_the_first(app):
    shop = s.build()
    for touch in (TOUCH, replace(TOUCH, last="ZZZZZZZZZZZZ")):
        with transaction():
            services.credit(touch, "tradein", 1, shop.west, NOW)
    assert db.session.query(VisitCredit).one().last_ref == TOUCH.last


def test_only_what_has_a_name_is_credited_and_old_visits_are_forgotten(app):
    shop = s.build()
    with pytest.raises(ValueError), transaction():
        services.credit(TOUCH, "tea", 1, shop.west, NOW)  # pyright: ignore[reportArgumentType]
    services.record_visit(None, 1, shop.west, NOW - timedelta(days=401))
    with transaction():
        services.credit(TOUCH, "lead", 1, shop.west, NOW)
    assert services.purge(NOW) == 1
    assert db.session.query(VisitCredit).count() == 1
