"""Slots, and taking, moving and giving them back."""

from datetime import date, datetime, timedelta

import pytest
from flask import Flask

from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.dealers.models import Dealer
from app.drives.errors import DriveOver, NoCarHere, ShareFirst, SlotGone, TooManyDrives, TooManyMoves
from app.drives.models import DriveClosure
from app.drives.queries.slots import Plan, list_free_slots
from app.drives.rules import cells_of, starts_on
from app.drives.services import book, cars, change, displaced, sweeps
from app.members.models import Consent
from app.messages.models import InboxMessage
from app.visits.models import VisitCredit
from app.visits.rules import Touch
from tests.booking import shop as s
from tests.drives import world as w
from tests.drives.world import AT, DAY, HOUR, NOW

MONDAY = date(2026, 11, 23)


class Span:
    def __init__(self, start: int, until: int) -> None:
        self.start, self.until = start, until


@pytest.mark.parametrize(
    ("spans", "length", "first", "last", "many"),
    [
        ([Span(540, 1050)], 30, 540, 1020, 17),
        ([Span(545, 700)], 45, 555, 645, 3),
        ([Span(0, 1440)], 60, 480, 1140, 12),  # open all night: no drives at night
        ([Span(540, 720), Span(840, 1020)], 60, 540, 960, 6),
        ([Span(1200, 1560)], 30, None, None, 0),
        ([], 30, None, None, 0),
    ],
)
def test_slots_follow_the_opening_hours(
    spans: list[Span], length: int, first: int | None, last: int | None, many: int
) -> None:
    starts = starts_on(spans, length)
    assert (starts[0] if starts else None, starts[-1] if starts else None, len(starts)) == (first, last, many)


def test_a_drive_touches_whole_quarters_of_an_hour() -> None:
    at = datetime.fromisoformat("2026-11-23T10:07:21+08:00")
    assert [f"{c:%M}" for c in cells_of(at, at + timedelta(minutes=30))] == ["00", "15", "30"]
    assert len(cells_of(AT, AT + HOUR)) == 4


def test_slots_know_holidays_special_days_lead_time_and_closed_days(app: Flask) -> None:
    world = w.build(lead_minutes=120, days_ahead=3)
    plan = Plan(db.session.get_one(Dealer, world.west), world.series, NOW)
    assert [(day.text, day.left) for day in plan.days()] == [
        ("今天 11-22", 7),  # from two in the afternoon
        ("明天 11-23", 17),
        ("周二 11-24", 0),  # 休
        ("周三 11-25", 4),  # ten to twelve
    ]
    assert [day.why_not for day in plan.days()] == ["", "", "不可约", ""]  # full is said only of what was booked
    assert plan.slots(date(2026, 11, 26)) == []  # beyond what may be booked
    with transaction():
        db.session.add(DriveClosure(dealer_id=world.west, from_on=MONDAY, until_on=MONDAY, reason="保养"))
    assert list_free_slots(world.west, world.series, MONDAY, NOW) == []
    with transaction():
        db.session.get_one(Dealer, world.west).status = "暂停"
    assert sum(day.left for day in Plan(db.session.get_one(Dealer, world.west), world.series, NOW).days()) == 0


def test_each_car_has_its_own_length_and_window(app: Flask) -> None:
    world = w.build()
    with transaction():
        w.add_car(world.west, world.trim, minutes=60, active_from=MONDAY + DAY * 2)
    assert len(list_free_slots(world.west, world.series, MONDAY, NOW)) == 17
    wednesday = list_free_slots(world.west, world.series, MONDAY + DAY * 2, NOW)
    assert sorted((slot.ends_at - slot.starts_at).seconds // 60 for slot in wednesday) == [30] * 4 + [60] * 2


@pytest.mark.both_databases
def test_a_booked_slot_is_full_for_others_and_names_are_given_to_one_store(app: Flask) -> None:
    world, who = w.build(), s.member()
    touch = Touch("A" * 12, "B" * 12, NOW)
    no = book.book(who, w.wish(world), NOW, touch=touch)
    assert (w.drive(no).state, w.cells(no), w.drive(no).car_name) == ("booked", 2, "岫 S5 2026款 长续航版 · 雪山白")
    assert AT not in {slot.starts_at for slot in list_free_slots(world.west, world.series, MONDAY, NOW)}
    with pytest.raises(SlotGone):
        w.booked(world, s.member("13900000002"))
    with pytest.raises(ShareFirst):
        w.booked(world, s.member("13900000003"), share=False)
    assert db.session.query(VisitCredit).one().subject_kind == "drive"
    told = [(row.purpose, row.body) for row in db.session.query(InboxMessage).filter_by(member_id=who.id)]
    assert told == [("drive_booked", "岫 S5 2026款 长续航版 · 雪山白：11月23日10:00，西湖店。请带驾驶证原件。")]
    assert db.session.query(InboxMessage).filter_by(purpose="store_news").count() == 2  # manager and clerk


def test_a_time_that_is_no_slot_and_a_store_without_the_car_are_refused(app: Flask) -> None:
    world, who = w.build(), s.member()
    for at in (AT + timedelta(minutes=7), AT + 40 * DAY, NOW + HOUR, NOW - DAY):
        with pytest.raises(SlotGone):
            w.booked(world, who, at)
    with pytest.raises(NoCarHere):
        w.booked(world, who, series_id=world.series + 1)
    with pytest.raises(NotFound):
        w.booked(world, world.clerk)


@pytest.mark.both_databases
def test_the_same_form_twice_is_one_drive_and_a_person_has_two_at_most(app: Flask) -> None:
    world, who = w.build(cars=3), s.member()
    first = w.wish(world)
    assert book.book(who, first, NOW) == book.book(who, first, NOW)
    second = w.booked(world, who, AT + HOUR)
    with pytest.raises(TooManyDrives):
        w.booked(world, who, AT + 2 * HOUR)
    change.cancel(who, second, NOW)
    change.cancel(who, second, NOW)  # twice is as good as once
    assert (w.drive(second).slot, w.cells(second)) == (None, 0)
    assert w.booked(world, who, AT + HOUR)


@pytest.mark.both_databases
def test_moving_frees_the_old_time_and_takes_the_new_one_three_times(app: Flask) -> None:
    world, who = w.build(), s.member()
    no = w.booked(world, who)
    for n in range(1, 4):
        change.move(who, no, AT + n * HOUR, NOW)
    assert (w.drive(no).starts_at, w.drive(no).moved, w.cells(no)) == (AT + 3 * HOUR, 3, 2)
    with pytest.raises(TooManyMoves):
        change.move(who, no, AT, NOW)
    other = s.member("13900000002")
    assert w.booked(world, other)  # the first time is free again
    with pytest.raises(NotFound):
        change.move(other, no, AT, NOW)
    with pytest.raises(DriveOver):
        change.cancel(who, no, AT + 4 * HOUR)


def test_another_store_needs_its_own_word_and_the_first_forgets(app: Flask) -> None:
    world, who = w.build(), s.member()
    no = w.booked(world, who)
    with pytest.raises(ShareFirst):
        change.move(who, no, AT + HOUR / 2 * 3, NOW, dealer_id=world.east)
    at = list_free_slots(world.east, world.series, MONDAY, NOW)[2].starts_at
    change.move(who, no, at, NOW, dealer_id=world.east, share=True)
    rows = {c.subject: c.withdrawn_at for c in db.session.query(Consent).filter_by(reference=no)}
    assert (rows["east"], rows["west"]) == (None, NOW)
    assert (w.drive(no).dealer_id, w.drive(no).starts_at) == (world.east, at)


@pytest.mark.both_databases
@pytest.mark.parametrize("how", ["car", "store", "day", "hours"])
def test_whoever_has_an_appointment_when_it_closes_is_told_and_moved_by_the_own_tap(app: Flask, how: str) -> None:
    world, who = w.build(), s.member()
    no = w.booked(world, who)
    if how == "car":
        w.close(world)
    elif how == "day":
        cars.close_days(world.manager, None, MONDAY, MONDAY, "车辆年检", NOW)
    else:
        with transaction():
            dealer = db.session.get_one(Dealer, world.west)
            if how == "store":
                dealer.status = "关闭"
            else:
                dealer.hours = "周一-周日 13:00-17:30"
        assert displaced.settle(NOW) == 1
    why = {"car": "这台试驾车已停用", "store": "门店暂停营业", "day": "车辆年检", "hours": "门店当天营业时间有变"}[how]
    assert (w.drive(no).state, w.drive(no).displaced_reason, w.events(no)[-1]) == ("booked", why, "displaced")
    assert displaced.settle(NOW) == 0  # told once
    row = db.session.query(InboxMessage).filter_by(member_id=who.id, purpose="drive_displaced").one()
    assert why in row.body
    assert row.href == f"/me/test-drives/{no}"
    at = list_free_slots(world.east, world.series, MONDAY, NOW)[0].starts_at
    change.move(who, no, at, NOW, dealer_id=world.east, share=True)
    moved = w.drive(no)
    assert (moved.displaced_at, moved.moved, moved.dealer_id) == (None, 0, world.east)
    assert displaced.settle(NOW) == 0


def test_a_store_that_opens_again_keeps_its_appointments(app: Flask) -> None:
    world, who = w.build(), s.member()
    no = w.booked(world, who)
    cars.close_days(world.manager, world.car, MONDAY, MONDAY, "", NOW)
    with pytest.raises(SlotGone):
        w.booked(world, s.member("13900000002"))
    closure = db.session.query(DriveClosure).one()
    cars.open_days(world.manager, closure.id, NOW)
    assert (w.drive(no).displaced_at, w.events(no)[-1]) == (None, "restored")
    with pytest.raises(SlotGone):  # the time was theirs all along
        w.booked(world, s.member("13900000003"))


def test_who_was_told_and_did_not_choose_is_no_no_show(app: Flask) -> None:
    world, who = w.build(), s.member()
    no = w.booked(world, who)
    w.close(world)
    assert sweeps.mark_no_shows(AT + 2 * HOUR) == 0
    assert displaced.lapse_due(AT) == 1
    assert (w.drive(no).state, w.events(no)[-1], w.cells(no)) == ("cancelled", "lapsed", 0)


@pytest.mark.both_databases
def test_reminders_go_out_once_the_day_before_and_two_hours_before(app: Flask) -> None:
    world, who = w.build(), s.member()
    w.booked(world, who, AT + DAY * 2)  # Wednesday ten o'clock
    at = AT + DAY * 2
    for now in (at - 25 * HOUR, at - 23 * HOUR, at - 22 * HOUR, at - 3 * HOUR, at - HOUR, at - HOUR / 2):
        sweeps.remind(now)
    told = db.session.query(InboxMessage).filter_by(member_id=who.id, purpose="drive_soon").all()
    assert [row.created_at for row in told] == [at - 23 * HOUR, at - HOUR]


def test_who_books_for_today_or_moves_is_reminded_of_the_new_time_alone(app: Flask) -> None:
    world, who = w.build(), s.member()
    no = w.booked(world, who, AT)  # 22 hours ahead: no reminder of the day before
    assert sweeps.remind(NOW + HOUR) == 0
    change.move(who, no, AT + 2 * HOUR, NOW + HOUR)
    assert sweeps.remind(AT - HOUR) == 0  # three hours before the new time
    assert sweeps.remind(AT + HOUR) == 1
    assert sweeps.remind(AT + HOUR) == 0


def test_nobody_came(app: Flask) -> None:
    world, who = w.build(), s.member()
    no = w.booked(world, who)
    assert sweeps.mark_no_shows(AT + timedelta(minutes=59)) == 0
    assert sweeps.mark_no_shows(AT + HOUR) == 1
    assert (w.drive(no).state, w.drive(no).slot, w.events(no)[-1]) == ("no_show", None, "no_show")
    assert sweeps.mark_no_shows(AT + HOUR) == 0


def test_cars_are_kept_by_the_manager_of_the_store(app: Flask) -> None:
    world = w.build()
    facts = cars.CarFacts(world.trim, "曜石红", "123", 45, MONDAY, None)
    assert cars.save_car(world.manager, None, facts, NOW) > world.car
    for who in (world.clerk, Actor("member", 1), s.clerk(world.east, "manager")):
        with pytest.raises((NotAllowed, NotFound)):
            cars.save_car(who, world.car, facts, NOW)
