"""The last slot of a test drive in a crowd: one person gets it, the others are told, nobody beyond the limit."""

import threading

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.core.db import db, transaction
from app.core.security import Actor
from app.drives.models import DriveAnswer, DriveCell, TestDrive
from app.drives.queries.slots import list_free_slots
from app.drives.rules import DriveState
from app.drives.services import answers, change, desk
from app.drives.services import cars as car_services
from app.members.services import merge_members
from tests.booking import shop as s
from tests.coupons import campaigns as c
from tests.drives import world as w
from tests.drives.world import AT, HOUR, NOW
from tests.races.test_crowd import many as people
from tests.races.world import at_once, refusals, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]


def taken() -> tuple[int, int]:
    """Open drives, and the quarter hours they hold."""
    db.session.rollback()
    open_ = db.session.query(TestDrive).filter(TestDrive.slot.is_not(None)).count()
    return open_, db.session.query(DriveCell).count()


def test_without_the_guard_two_people_get_one_car_at_one_time(app: Flask) -> None:
    """What shops do: look whether the time is free, then write the appointment."""
    world, who = w.build(), people(2)
    looked = threading.Barrier(2)

    def careless(member_id: int) -> bool:
        free = {slot.starts_at for slot in list_free_slots(world.west, world.series, AT.date(), NOW)}
        db.session.rollback()
        looked.wait(timeout=30)
        if AT not in free:
            return False
        with transaction() as session:
            facts = {"dealer_id": world.west, "car_id": world.car, "series_id": world.series, "car_name": "岫 S5"}
            times = {"starts_at": AT, "ends_at": AT + HOUR, "state_at": NOW, "created_at": NOW}
            session.add(TestDrive(no=f"T{member_id}", member_id=member_id, state=DriveState.BOOKED, **facts, **times))
        return True

    assert at_once(app, [lambda: careless(who[0]), lambda: careless(who[1])]) == [True, True]


def test_many_at_the_last_slot_and_one_gets_it(app: Flask) -> None:
    world, who = w.build(), people(12)
    outcomes = at_once(app, [lambda m=m: w.booked(world, Actor("member", m)) for m in who])
    assert (len(wins(outcomes)), refusals(outcomes)) == (1, {"SlotGone"})
    assert taken() == (1, 2)


def test_two_cars_take_two_people_and_no_more(app: Flask) -> None:
    world, who = w.build(cars=2), people(8)
    outcomes = at_once(app, [lambda m=m: w.booked(world, Actor("member", m)) for m in who])
    assert (len(wins(outcomes)), refusals(outcomes)) == (2, {"SlotGone"})
    assert db.session.scalar(select(func.count(func.distinct(TestDrive.car_id)))) == 2


def test_one_person_with_many_forms_gets_no_more_than_two(app: Flask) -> None:
    world, who = w.build(cars=3), s.member()
    form = w.wish(world)
    works = [lambda n=n: w.booked(world, who, AT + n * HOUR) for n in range(5)]
    outcomes = at_once(app, [*works, *[lambda: w.book.book(who, form, NOW)] * 3])
    assert refusals(outcomes) <= {"TooManyDrives"}
    assert len(set(wins(outcomes))) == 2
    assert taken() == (2, 4)


def test_moving_against_booking_and_closing_leaves_nobody_with_two_or_none(app: Flask) -> None:
    world, first, second = w.build(), s.member(), s.member("13900000002")
    mine = w.booked(world, first)
    outcomes = at_once(
        app,
        [
            lambda: change.move(first, mine, AT + HOUR, NOW) or "",
            lambda: w.booked(world, second, AT + HOUR),
            lambda: car_services.close_car(world.manager, world.car, NOW) or "",
            lambda: desk.walk_in(world.clerk, world.car, "钱样例", NOW),
        ],
    )
    assert refusals(outcomes) <= {"SlotGone", "NoCarHere", "CarClosed"}, outcomes
    db.session.rollback()
    rows = db.session.query(TestDrive).filter(TestDrive.state == DriveState.BOOKED).all()
    assert len({(row.car_id, row.starts_at) for row in rows}) == len(rows)
    assert all(row.displaced_at is not None for row in rows)  # the car is closed, and everybody was told
    assert all(w.cells(row.no) == 2 for row in rows)


def test_one_set_of_answers_one_coupon(app: Flask) -> None:
    c.campaign(way="店员发放", slug="thanks")
    world, who = w.build(thanks_slug="thanks"), s.member()
    no = w.booked(world, who)
    with transaction():
        db.session.query(TestDrive).update({"state": DriveState.FINISHED, "slot": None})
    said = answers.Answers(5, 5, "order")
    outcomes = at_once(app, [lambda: answers.answer(who, no, said, NOW) or "ok"] * 6)
    assert (len(wins(outcomes)), refusals(outcomes)) == (1, {"AnswersClosed"})
    assert (db.session.query(DriveAnswer).count(), c.counts("thanks")) == (1, (1, 1))
    assert w.drive(no).coupon_code


def test_a_drive_booked_while_the_account_is_joined_is_never_left_behind(app: Flask) -> None:
    world, loser, winner = w.build(cars=3), s.member("13900000001"), s.member("13900000002")
    w.booked(world, winner, AT + 3 * HOUR)
    works = [lambda n=n: w.booked(world, loser, AT + n * HOUR) for n in range(2)]
    merge = lambda: str(merge_members(loser.id or 0, winner.id or 0, Actor("operator", 1), "同一个人", NOW))  # noqa: E731
    outcomes = at_once(app, [works[0], merge, works[1]])
    assert refusals(outcomes) <= {"AccountGone"}, outcomes
    db.session.rollback()
    assert {row.member_id for row in db.session.query(TestDrive)} == {winner.id}
    slots = [row.slot for row in db.session.query(TestDrive)]
    assert len(set(slots)) == len(slots)
