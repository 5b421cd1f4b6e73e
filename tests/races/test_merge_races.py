"""Two accounts become one, or one is forgotten, while something is written for it."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.booking.models import Booking, QueuePlace
from app.booking.rules import KEEPS_UNIT
from app.booking.services import pay, personal, place, queue, release
from app.core.db import db, locks_rows, transaction
from app.core.security import Actor
from app.coupons.services import personal as coupons_of
from app.coupons.services import state
from app.gateways.pay.port import Method
from app.members import privacy
from app.members.errors import AccountGone
from app.members.models import ErasureRequest, Member
from app.members.services import erase_all, merge_members, undo_merge
from app.payments.models import Payment
from app.payments.services import attempts
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.coupons import campaigns as c
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank
from tests.races.world import at_once, refusals, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]
BOSS = Actor("operator", 1)


def owners() -> set[int]:
    db.session.rollback()
    return {row.member_id for row in db.session.query(Booking)}


@pytest.mark.parametrize("step", ["merge", "erase"])
def test_an_account_that_went_away_between_looking_and_booking(
    app: Flask, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The page was sent off by an account that is merged or erased before the transaction begins."""
    shop, loser, winner = s.build(), s.member("13900000001"), s.member("13900000002")
    assert loser.id
    assert winner.id
    real = place.look_before

    def late(*given: Any) -> Any:
        found = real(*given)
        db.session.rollback()
        if step == "merge":
            merge_members(loser.id or 0, winner.id or 0, BOSS, "同一个人", NOW)
        else:
            with transaction() as session:
                session.add(ErasureRequest(member_id=loser.id, requested_at=NOW, due_at=NOW))
            assert erase_all(loser.id or 0, NOW + timedelta(seconds=1))
        return found

    monkeypatch.setattr(place, "look_before", late)
    with pytest.raises(AccountGone):
        s.place(shop, loser)
    assert owners() == set()
    assert s.units_left(shop) == 10


@pytest.mark.parametrize("round_", range(6))
def test_a_booking_placed_while_the_account_is_joined_is_never_left_behind(app: Flask, round_: int) -> None:
    """Whoever is first: the booking follows the person, or is refused; the account that is gone owns nothing."""
    shop, loser, winner = s.build(per_person=5), s.member("13900000001"), s.member("13900000002")
    works = [lambda: s.place(shop, loser) for _ in range(3)]
    merge: Any = lambda: merge_members(loser.id or 0, winner.id or 0, BOSS, "同一个人", NOW)  # noqa: E731
    outcomes: list[Any] = at_once(app, [*works, merge] if round_ % 2 else [merge, *works])
    assert refusals(outcomes) <= {"AccountGone"}, outcomes
    assert owners() <= {winner.id}
    placed = len(wins(outcomes)) - 1
    assert s.units_left(shop) == 10 - placed
    assert db.session.get_one(Member, loser.id).merged_into_id == winner.id


def payers() -> set[int]:
    db.session.rollback()
    return {row.member_id for row in db.session.query(Payment)}


def begin(actor: Actor, no: str, bank: Bank) -> Any:
    return pay.open_booking_payment(actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID, method=Method.NATIVE)


@pytest.mark.parametrize("guarded", [False, True])
def test_a_payment_begun_just_after_the_account_was_joined(
    app: Flask, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Between reading whose booking it is and writing the attempt. Without the guard it names the lost account."""
    shop, loser, winner, bank = s.build(), s.member("13900000001"), s.member("13900000002"), Bank()
    no, real = s.place(shop, loser).no, attempts.open_payment

    def late(*args: Any) -> Any:
        db.session.rollback()
        merge_members(loser.id or 0, winner.id or 0, BOSS, "同一个人", NOW)
        return real(*args)

    monkeypatch.setattr(attempts, "open_payment", late)
    if not guarded:
        monkeypatch.setattr(attempts, "hold_member", lambda member_id: None)
        begin(loser, no, bank)
        assert payers() == {loser.id}
        return
    with pytest.raises(AccountGone):
        begin(loser, no, bank)
    assert (payers(), bank.orders) == (set(), {})
    monkeypatch.setattr(attempts, "open_payment", real)
    begin(winner, no, bank)
    assert payers() == owners() == {winner.id}


@pytest.mark.parametrize("round_", range(4))
def test_a_payment_begun_while_the_account_is_joined_ends_at_the_person(app: Flask, round_: int) -> None:
    shop, loser, winner, bank = s.build(), s.member("13900000001"), s.member("13900000002"), Bank()
    no = s.place(shop, loser).no
    taps = [lambda: begin(loser, no, bank) for _ in range(3)]
    merge: Any = lambda: merge_members(loser.id or 0, winner.id or 0, BOSS, "同一个人", NOW)  # noqa: E731
    outcomes: list[Any] = at_once(app, [*taps, merge] if round_ % 2 else [merge, *taps])
    assert refusals(outcomes) <= {"AccountGone", "NotFound"}, outcomes
    assert payers() <= {winner.id}
    assert owners() == {winner.id}


@pytest.mark.parametrize("guarded", [False, True])
def test_a_hold_that_ends_while_its_account_is_joined_frees_its_place(
    app: Flask, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Between the merge's look and its writing. Without the guard the freed place within the limit is back."""
    if not locks_rows():
        pytest.skip("SQLite lets nobody else write while a merge has begun; this race runs on PostgreSQL")
    shop, loser, winner, later = s.build(), s.member("13900000001"), s.member("13900000002"), NOW + timedelta(hours=1)
    no = s.place(shop, loser).no
    booking_id, real, threads = s.booking(no).id, personal.changed_rows, list[threading.Thread]()

    def expire() -> None:
        with app.app_context():
            release.expire_hold(booking_id, Bank(), later)
            db.session.remove()

    def write(statement: Any) -> int:
        if not threads:
            threads.append(threading.Thread(target=expire))
            threads[0].start()
            threads[0].join(timeout=0.5 if guarded else 30)
        return real(statement)

    monkeypatch.setattr(personal, "changed_rows", write)
    if not guarded:
        monkeypatch.setattr(privacy, "holders", without_holding(privacy.holders()))
    merge = merge_members(loser.id or 0, winner.id or 0, BOSS, "同一个人", NOW)
    threads[0].join(timeout=30)
    row = s.booking(no)
    assert (row.member_id, row.state) == (winner.id, "expired")
    assert row.slot == (None if guarded else 1)  # with it the person could never book this deal again
    if guarded:
        undo_merge(merge, BOSS, "合并错了", NOW)
        assert (s.booking(no).member_id, s.booking(no).slot) == (loser.id, None)
        assert s.place(shop, winner).no


def without_holding(holders: Any) -> Any:
    """The rooms as they are, but that nothing is locked before it is read."""
    careless = {name: replace(holder, hold=lambda *_: None) for name, holder in holders.items()}
    return lambda: careless


@pytest.mark.parametrize("guarded", [False, True])
def test_a_coupon_redeemed_while_its_account_is_joined_stays_redeemed(
    app: Flask, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Between the merge's look and its writing. Without the guard the undo of the merge un-redeems the coupon."""
    if not guarded and not locks_rows():
        pytest.skip("SQLite lets nobody else write while a merge has begun; without the guard this runs on PostgreSQL")
    shop, loser, winner = s.build(), s.member("13900000001"), s.member("13900000002")
    c.campaign()
    coupon_id, clerk = c.claim(loser).coupon_id, c.clerk(shop.west)
    real, threads = coupons_of.changed_rows, list[threading.Thread]()

    def redeem() -> None:
        with app.app_context():
            state.redeem(coupon_id, shop.west, 300_000, clerk, NOW)
            db.session.remove()

    def write(statement: Any) -> int:
        if not threads:
            threads.append(threading.Thread(target=redeem))
            threads[0].start()
            threads[0].join(timeout=0.3 if guarded else 30)
        return real(statement)

    monkeypatch.setattr(coupons_of, "changed_rows", write)
    if not guarded:
        monkeypatch.setattr(privacy, "holders", without_holding(privacy.holders()))
    merge = merge_members(loser.id or 0, winner.id or 0, BOSS, "同一个人", NOW)
    threads[0].join(timeout=30)
    assert (c.coupon(coupon_id).member_id, c.coupon(coupon_id).state) == (winner.id, "redeemed")
    undo_merge(merge, BOSS, "合并错了", NOW)
    assert c.coupon(coupon_id).member_id == loser.id
    assert c.coupon(coupon_id).state == ("redeemed" if guarded else "issued")
    assert c.events(coupon_id) == ["claimed", "redeemed"]


@pytest.mark.parametrize("round_", range(3))
def test_joining_against_queue_and_sweeps_adds_up(app: Flask, round_: int) -> None:
    """A place, an offer and a hold move while their accounts become one: units, waiting people and places add up."""
    shop = s.build(units=2, per_person=3, queue_when_sold_out=True)
    loser, winner, other = (s.member(f"1390000000{n}") for n in range(3))
    held, kept = s.place(shop, loser).no, s.place(shop, other).no
    queue.join(loser, shop.deal, NOW)
    hold, later, bank = s.booking(held).id, NOW + timedelta(hours=1), Bank()
    works: list[Any] = [
        lambda: merge_members(loser.id or 0, winner.id or 0, BOSS, "同一个人", NOW),
        lambda: release.expire_hold(hold, bank, later),
        lambda: release.cancel_booking(other, kept, bank, NOW),
        lambda: queue.lapse_due(NOW),
    ]
    outcomes = at_once(app, works[round_:] + works[:round_])
    assert not refusals(outcomes), outcomes
    assert s.stands(shop)["waiting"] == 0
    rows = db.session.query(Booking).all()
    assert all((row.slot is None) is (row.state not in KEEPS_UNIT) for row in rows)
    assert {row.member_id for row in rows} == {winner.id, other.id}
    assert {row.member_id for row in db.session.query(QueuePlace)} == {winner.id}
