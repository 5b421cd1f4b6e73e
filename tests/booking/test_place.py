"""Placing: the unit, the limit, the price, the dealer."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.booking.errors import (
    DealerUnavailable,
    DealNotRunning,
    DealPaused,
    LimitReached,
    PhoneLimitReached,
    PriceChanged,
    SoldOut,
    SoldOutQueue,
    TermsChanged,
)
from app.booking.models import Booking, OnePriceDeal, TermsText
from app.booking.queries.agreed import list_agreed_lines
from app.booking.rules import HOLD, SHARING_TEXT
from app.booking.services import agreements
from app.booking.services import place as service
from app.booking.services.place import place_booking, prove_phone
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.security import VISITOR
from app.members import queries as members
from app.members import services as member_services
from app.members.errors import CodeWrong
from app.members.models import Consent
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


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"price_fen": 8_880_100}, PriceChanged),
        ({"earnest_kind": "定金"}, TermsChanged),
        ({"paused_at": NOW}, DealPaused),
        ({"ends_at": NOW}, DealNotRunning),
        ({"withdrawn": True}, DealNotRunning),
        ({"units_left": 0}, SoldOut),
        ({"waiting": 1, "queue_when_sold_out": True}, SoldOutQueue),
    ],
)
def test_what_changes_between_looking_and_locking_decides(
    app: Flask, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], refusal: type[Exception]
) -> None:
    """All is written before the deal is locked; if the deal is another one by then, nothing of it stays."""
    shop, actor, look = s.build(), s.member(), service.look_before

    def late(*given: Any) -> Any:
        found = look(*given)
        with transaction():
            db.session.execute(update(OnePriceDeal).values(**change))
        return found

    monkeypatch.setattr(service, "look_before", late)
    with pytest.raises(refusal):
        s.place(shop, actor)
    assert (db.session.query(Booking).count(), db.session.query(Consent).count()) == (0, 0)
    assert s.units_left(shop) == change.get("units_left", 10)


def test_what_is_booked_with_the_same_phone_meanwhile_counts(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, look, others = s.build(), service.look_before, iter([s.member("13900002087")])

    def late(*given: Any) -> Any:
        found = look(*given)
        if (other := next(others, None)) is not None:
            s.place(shop, other, phone="13900002086")
        return found

    monkeypatch.setattr(service, "look_before", late)
    with pytest.raises(PhoneLimitReached):
        s.place(shop, s.member(), phone="13900002086")
    assert (db.session.query(Booking).count(), s.units_left(shop)) == (1, 9)


@pytest.mark.parametrize("change", [{"earnest_kind": "定金"}, {"earnest_fen": 1_500_000}, {"terms": "样例说明"}])
def test_changed_terms_are_told_and_asked_again(app: Flask, change: dict[str, object]) -> None:
    shop, actor = s.build(), s.member()
    seen = s.wish(shop)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(**change))
    with pytest.raises(TermsChanged):
        place_booking(actor, seen, NOW)
    assert s.units_left(shop) == 10


def test_the_consent_is_the_text_that_was_shown(app: Flask) -> None:
    shop, actor = s.build(), s.member()
    s.place(shop, actor)
    shared = db.session.query(Consent).filter_by(purpose="share_with_dealer").one()
    assert shared.text_hash == hashlib.sha256(SHARING_TEXT.encode()).hexdigest()


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


def test_a_double_tap_may_find_its_code_spent_by_the_other_tap(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    actor, secret = s.member(), "s" * 40
    assert actor.id is not None
    monkeypatch.setattr("app.core.ids.digits", lambda _n: "123456")
    member_services.request_code(actor.id, "13700000000", "192.0.2.1", NOW, secret=secret)
    prove_phone(actor, "13700000000", "123456", NOW, secret=secret)
    proved, early = members.has_verified_phone, iter([False])  # read before the first tap had committed
    monkeypatch.setattr(members, "has_verified_phone", lambda *who: next(early, None) is None and proved(*who))
    prove_phone(actor, "13700000000", "123456", NOW, secret=secret)
    with pytest.raises(CodeWrong):
        prove_phone(actor, "13700000001", "123456", NOW, secret=secret)


def test_the_words_agreed_to_are_kept_whatever_the_deal_says_later(app: Flask) -> None:
    shop = s.build(per_person=3, terms="赠送脚垫。")
    first = s.place(shop, s.member())
    agreed = list(list_agreed_lines(s.booking(first.no)))
    assert agreed[-1] == "赠送脚垫。"
    with transaction():
        db.session.execute(update(OnePriceDeal).values(terms="不赠送脚垫。", confirm_hours=48))
    db.session.expire_all()
    assert list(list_agreed_lines(s.booking(first.no))) == agreed
    assert db.session.query(TermsText).count() == 1
    with pytest.raises(TermsChanged):  # who agreed to nothing leaves no text behind
        s.place(shop, s.member("13900002087"))
    assert db.session.query(TermsText).count() == 1


def test_a_text_that_is_not_what_was_agreed_to_is_not_shown_as_it(app: Flask) -> None:
    shop = s.build()
    no = s.place(shop, s.member()).no
    with transaction():
        db.session.execute(update(TermsText).values(text="别的条款"))
    assert list_agreed_lines(s.booking(no)) == []


def test_a_crowd_keeps_the_words_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, written = s.build(), list[object]()
    monkeypatch.setattr(agreements, "insert_new", lambda *row: written.append(row))
    for number in range(3):
        s.place(shop, s.member(f"1390000310{number}"))
    assert len(written) == 1
