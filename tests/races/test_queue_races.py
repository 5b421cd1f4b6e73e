"""The queue under parallel hands: joined, served, left, lapsed and paused at the same moment."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.booking.errors import PaidMeanwhile
from app.booking.models import Booking, OnePriceDeal, QueuePlace
from app.booking.rules import BookingAction
from app.booking.services import extension, pause, pay, queue, release
from app.booking.services.change import Change, move, standing
from app.core.db import db, transaction
from app.core.security import SYSTEM, Actor
from app.payments.models import Payment, Refund
from app.payments.services import settlement
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank
from tests.races.world import at_once, refusals, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]
AFTER = NOW + timedelta(minutes=16)
BOSS = Actor("operator", 1)
ROUNDS = pytest.mark.parametrize("round_", range(2))


def sold_out(units: int = 1) -> tuple[s.Shop, list[tuple[Actor, str]]]:
    shop = s.build(units=units, queue_when_sold_out=True)
    people = [s.member(f"1380000{n:04d}") for n in range(units)]
    return shop, [(who, s.place(shop, who).no) for who in people]


def people(count: int) -> list[Actor]:
    return [s.member(f"1390000{n:04d}") for n in range(count)]


def paid_late(shop: s.Shop, bank: Bank, actor: Actor, no: str) -> Any:
    """A notice of money that arrives after the hold was released."""
    pay.open_booking_payment(actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    number = bank.only_order()
    release.expire_holds(bank, AFTER)
    bank.pay_although_closed(number)
    return bank.notice(number, AFTER)


# ---- join against release ----


def test_without_the_lock_somebody_waits_beside_a_free_unit(app: Flask) -> None:
    """What happens when "sold out" is read first and the place written later: a unit that nobody has or may take."""
    shop, ((holder, no),) = sold_out()
    (person,) = people(1)
    looked, released = threading.Barrier(2), threading.Event()

    def careless_join() -> int:
        left = db.session.scalar(select(OnePriceDeal.units_left).where(OnePriceDeal.id == shop.deal_id))
        db.session.rollback()
        looked.wait(timeout=30)
        released.wait(timeout=30)
        assert left == 0
        with transaction():
            queue._append(shop.deal_id, person.id or 0, NOW, NOW)  # pyright: ignore[reportPrivateUsage]
        return 1

    def give_back() -> int:
        looked.wait(timeout=30)
        release.cancel_booking(holder, no, Bank(), NOW)
        released.set()
        return 2

    assert at_once(app, [careless_join, give_back]) == [1, 2]
    assert s.stands(shop) == {"left": 1, "kept": 0, "offered": 0, "waiting": 1}


@ROUNDS
def test_join_against_release(app: Flask, round_: int) -> None:
    """Whoever is first: the unit is offered to the first who waits, or it is free and nobody waits."""
    shop, held = sold_out(2)
    bank = Bank()
    works: list[Any] = [lambda who=who: queue.join(who, shop.deal, NOW) for who in people(4)]
    works += [lambda who=who, no=no: release.cancel_booking(who, no, bank, NOW) for who, no in held]
    outcomes = at_once(app, works[::-1] if round_ % 2 else works)
    assert refusals(outcomes) <= {"NotSoldOut"}, outcomes
    now = s.stands(shop)
    assert not (now["left"] and now["waiting"]), now
    assert now["kept"] == 0
    assert now["left"] + now["offered"] == 2
    _offered_in_order(shop)


@ROUNDS
def test_leaving_twice_and_an_offer_at_the_same_moment(app: Flask, round_: int) -> None:
    shop, ((holder, no),) = sold_out()
    first, second = people(2)
    for who in (first, second):
        queue.join(who, shop.deal, NOW)
    works: list[Any] = [lambda: queue.leave(first, shop.deal, NOW) for _ in range(3)]
    works.append(lambda: release.cancel_booking(holder, no, Bank(), NOW))
    outcomes = at_once(app, works)
    assert not refusals(outcomes), outcomes
    assert sum(done is True for done in wins(outcomes)) == 1
    assert s.stands(shop) == {"left": 0, "kept": 0, "offered": 1, "waiting": 0}


# ---- the queue offering while units are released and the deal is paused ----


def test_without_the_lock_one_unit_is_offered_twice(app: Flask) -> None:
    shop, _held = sold_out()
    for who in people(2):
        queue.join(who, shop.deal, NOW)
    with transaction():  # one unit is free, two wait
        db.session.execute(update(Booking).values(state="cancelled", slot=None))
        db.session.execute(update(OnePriceDeal).values(units_left=1))
    looked = threading.Barrier(2)

    def careless(nth: int) -> bool:
        left = db.session.scalar(select(OnePriceDeal.units_left).where(OnePriceDeal.id == shop.deal_id))
        place = db.session.scalars(select(QueuePlace.id).order_by(QueuePlace.id)).all()[nth]
        db.session.rollback()
        looked.wait(timeout=30)
        with transaction():
            changed = {"state": "offered", "offered_at": NOW, "offer_until": NOW + timedelta(days=1)}
            db.session.execute(update(QueuePlace).where(QueuePlace.id == place).values(**changed))
            db.session.execute(update(OnePriceDeal).values(units_left=(left or 0) - 1))
        return True

    assert at_once(app, [lambda: careless(0), lambda: careless(1)]) == [True, True]
    db.session.rollback()
    assert db.session.query(QueuePlace).filter_by(state="offered").count() == 2  # of one unit
    assert s.units_left(shop) == 0


@ROUNDS
def test_offers_while_units_are_released_and_the_deal_is_paused(app: Flask, round_: int) -> None:
    shop, held = sold_out(3)
    waiting, outsiders = people(6), [s.member(f"1370000{n:04d}") for n in range(2)]
    for who in waiting:
        queue.join(who, shop.deal, NOW)
    bank = Bank()
    works: list[Any] = [lambda who=who, no=no: release.cancel_booking(who, no, bank, NOW) for who, no in held]
    works.insert(round_ * 2, lambda: pause.pause_deal(BOSS, shop.deal, "样例暂停原因", NOW))
    works += [lambda: queue.lapse_due(NOW) for _ in range(3)]
    works += [lambda who=who: s.place(shop, who) for who in outsiders]
    outcomes = at_once(app, works)
    assert refusals(outcomes) <= {"SoldOutQueue", "SoldOut", "DealPaused"}, outcomes
    now = s.stands(shop)
    assert now["kept"] == 0
    assert now["left"] + now["offered"] == 3
    assert now["waiting"] == 6 - now["offered"]
    _offered_in_order(shop)
    again = [
        lambda: pause.resume_deal(BOSS, shop.deal, NOW),
        lambda: queue.lapse_due(NOW),
        lambda: queue.lapse_due(NOW),
    ]
    assert not refusals(at_once(app, again))
    assert s.stands(shop) == {"left": 0, "kept": 0, "offered": 3, "waiting": 3}
    _offered_in_order(shop)


@ROUNDS
def test_an_offer_is_booked_or_lapses(app: Flask, round_: int) -> None:
    """The person books in the last second while sweeps end the offer: one of the two, and the unit is in one place."""
    shop, ((holder, no),) = sold_out()
    first, second = people(2)
    for who in (first, second):
        queue.join(who, shop.deal, NOW)
    release.cancel_booking(holder, no, Bank(), NOW)
    end = NOW + timedelta(days=1)
    works: list[Any] = [lambda: s.place(shop, first, end - timedelta(seconds=1))]
    works += [lambda: queue.lapse_due(end) for _ in range(2)]
    outcomes = at_once(app, works)
    assert refusals(outcomes) <= {"SoldOutQueue"}, outcomes
    states = [row.state for row in db.session.query(QueuePlace).order_by(QueuePlace.id)]
    assert (states, s.stands(shop)["kept"]) in [(["booked", "waiting"], 1), (["lapsed", "offered"], 0)]


# ---- time, money and cancelling ----


@ROUNDS
def test_expiry_against_payment_against_cancel(app: Flask, round_: int) -> None:
    """One winner, and the unit is sold, offered to the one who waits, or never in two places."""
    shop, ((holder, no),) = sold_out()
    (waiting,) = people(1)
    queue.join(waiting, shop.deal, NOW)
    bank = Bank()
    pay.open_booking_payment(holder, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    number = bank.only_order()

    def paid() -> str:
        bank.pay(number)
        return settlement.accept_notice(bank.notice(number, AFTER), AFTER)

    works: list[Any] = [paid, lambda: release.cancel_booking(holder, no, bank, AFTER)]
    works += [lambda: release.expire_holds(bank, AFTER) for _ in range(2)]
    at_once(app, works[::-1] if round_ % 2 else works)
    state, back = s.booking(no).state, db.session.query(Refund).count()
    paid_up = db.session.query(Payment).filter_by(state="succeeded").count()
    now = s.stands(shop)
    assert now["kept"] + now["offered"] == 1
    sold = (state, back, paid_up) == ("deposit_paid", 0, 1)
    given_back = (state, back, paid_up) in {("refunding", 1, 1), ("expired", 0, 0), ("cancelled", 0, 0)}
    too_late = (state, back, paid_up) in {("expired", 1, 1), ("cancelled", 1, 1)}
    assert sold or given_back or too_late, (state, back, paid_up)
    assert now["kept"] == (1 if sold else 0)
    # Whose hold ended by time before the money came stands in the queue; who cancelled does not.
    assert now["waiting"] == (1 if sold or (state, back) == ("expired", 1) else 0)


def test_a_payment_between_looking_and_locking_is_not_cancelled_away(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hold was read as unpaid, the money came before the lock: cancelling is asked again, no money is forgotten."""
    shop, actor, bank = s.build(), s.member(), Bank()
    no = s.place(shop, actor).no
    pay.open_booking_payment(actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    bank.pay(bank.only_order())
    retire = release.follow_up.release

    def settled_by_the_notice(*given: Any) -> Any:
        settlement.accept_notice(bank.notice(bank.only_order(), NOW), NOW)
        return retire(*given)  # no attempt is open any more

    monkeypatch.setattr(release.follow_up, "release", settled_by_the_notice)
    with pytest.raises(PaidMeanwhile):
        release.cancel_booking(actor, no, bank, NOW)
    assert s.booking(no).state == "deposit_paid"


def test_without_the_look_under_the_lock_an_extended_hold_is_released(app: Flask) -> None:
    """The sweep lists the hold, then the extension commits, then the sweep ends what it listed."""
    shop, actor = s.build(), s.member()
    placed = s.place(shop, actor)
    listed = db.session.scalars(select(Booking.id).where(Booking.hold_until <= AFTER)).all()
    db.session.rollback()
    until = extension.extend_hold(actor, placed.no, NOW + timedelta(minutes=14))
    with transaction():  # what the sweep did without looking again
        for booking_id in listed:
            move(standing(booking_id), Change(BookingAction.EXPIRE, "expired"), SYSTEM, AFTER)
    row = s.booking(placed.no)
    assert (row.state, row.hold_until) == ("expired", until)
    assert until > AFTER


@ROUNDS
def test_extension_against_expiry(app: Flask, round_: int) -> None:
    """Extended in time is kept until the later moment; the sweep that had listed it ends nothing."""
    shop, actor, bank = s.build(), s.member(), Bank()
    placed = s.place(shop, actor)
    pay.open_booking_payment(actor, placed.no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    early = NOW + timedelta(minutes=14, seconds=59)
    works: list[Any] = [lambda: extension.extend_hold(actor, placed.no, early) for _ in range(2)]
    works += [lambda: release.expire_hold(placed.id, bank, AFTER) for _ in range(2)]
    outcomes = at_once(app, works[::-1] if round_ % 2 else works)
    row = s.booking(placed.no)
    if row.hold_extended_at is None:
        assert (row.state, s.units_left(shop)) == ("expired", 10)
        assert refusals(outcomes) == {"HoldOver"}
    else:
        assert (row.state, s.units_left(shop), row.hold_until) == ("held", 9, NOW + timedelta(minutes=25))
        assert refusals(outcomes) == {"AlreadyExtended"}
        assert s.events(placed.no).count("extended") == 1
        assert True not in wins(outcomes)


@ROUNDS
def test_late_money_and_a_buyer_at_the_last_unit(app: Flask, round_: int) -> None:
    """One of them has it; late money without it goes back and stands first."""
    shop, ((late, no),) = sold_out()
    bank = Bank()
    notice = paid_late(shop, bank, late, no)
    buyer, waiting = people(2)
    works: list[Any] = [lambda: settlement.accept_notice(notice, AFTER), lambda: s.place(shop, buyer, AFTER)]
    works.append(lambda: queue.join(waiting, shop.deal, AFTER))
    outcomes = at_once(app, works[::-1] if round_ % 2 else works)
    assert refusals(outcomes) <= {"SoldOutQueue", "SoldOut", "NotSoldOut"}, outcomes
    now, back = s.stands(shop), db.session.query(Refund).count()
    assert now["kept"] == 1
    rescued = s.booking(no).state == "deposit_paid"
    assert rescued == (back == 0)
    if not rescued:
        first = db.session.query(QueuePlace).order_by(QueuePlace.claimed_at, QueuePlace.id).first()
        assert first is not None
        assert (first.member_id, first.state) == (late.id, "waiting")


def _offered_in_order(shop: s.Shop) -> None:
    """Nobody is skipped: whoever was offered a unit claimed before everybody who still waits."""
    db.session.rollback()
    rows = db.session.query(QueuePlace).filter_by(deal_id=shop.deal_id).order_by(QueuePlace.claimed_at, QueuePlace.id)
    states = [row.state for row in rows if row.state in ("offered", "waiting")]
    assert states == sorted(states), states
    db.session.rollback()
