"""Confirm, agree a time, assign a car, make it ready, say who stayed away."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.errors import (
    CannotNow,
    ConfirmFirst,
    LeadOnly,
    NoCarYet,
    NoShowTooEarly,
    NothingProposed,
    PromiseMissed,
    ReasonNeeded,
    TimeChanged,
    TimeWrong,
    VinTaken,
    VinWrong,
)
from app.booking.models import BookingCase
from app.booking.rules.promises import READY_PATIENCE
from app.booking.services import progress, release, store_contact
from app.core.audit import AuditEntry
from app.core.db import db
from app.core.errors import NotAllowed, NotFound
from tests.booking import shop as s
from tests.booking.road import DAY, HOUR, OTHER_VIN, VIN, paid
from tests.booking.shop import NOW

pytestmark = pytest.mark.both_databases
TOMORROW = NOW + DAY


def test_one_confirmation_and_the_second_reads_who_was_first(app: Flask) -> None:
    road = paid(confirm_hours=6, ready_days=10)
    assert s.booking(road.no).confirm_by == NOW + 6 * HOUR
    assert progress.confirm(road.clerk, road.no, NOW + HOUR).first
    again = progress.confirm(road.lead, road.no, NOW + 2 * HOUR)
    assert (again.first, again.sentence("确认")) == (False, "王*已于11月22日13:00确认。")
    row = s.booking(road.no)
    assert (row.state, row.confirmed_at, row.ready_by) == ("confirmed", NOW + HOUR, NOW + HOUR + 10 * DAY)
    assert s.events(road.no) == ["held", "deposit_paid", "confirmed"]


def test_confirming_after_the_hours_is_refused_without_a_worker(app: Flask) -> None:
    road = paid(confirm_hours=6)
    with pytest.raises(PromiseMissed) as refusal:
        progress.confirm(road.clerk, road.no, NOW + 6 * HOUR)
    assert "11月22日18:00" in refusal.value.message
    assert s.booking(road.no).state == "deposit_paid"
    progress.confirm(road.clerk, road.no, NOW + 6 * HOUR - timedelta(seconds=1))


def test_another_store_finds_nothing_and_customers_confirm_nothing(app: Flask) -> None:
    road = paid()
    stranger = s.clerk(road.shop.east, "manager")
    for act in (
        lambda who: progress.confirm(who, road.no, NOW),
        lambda who: progress.propose_time(who, road.no, TOMORROW, NOW),
        lambda who: progress.assign_car(who, road.no, VIN, NOW),
        lambda who: progress.mark_ready(who, road.no, NOW),
        lambda who: store_contact.open_contact(who, road.no, NOW),
    ):
        with pytest.raises(NotFound):
            act(stranger)
        with pytest.raises(NotAllowed):
            act(road.customer)
    with pytest.raises(NotFound):
        progress.ask_time(s.member("13900000001"), road.no, TOMORROW, NOW)
    assert s.events(road.no) == ["held", "deposit_paid"]


def test_a_time_is_proposed_changed_and_agreed(app: Flask) -> None:
    road = paid()
    progress.propose_time(road.clerk, road.no, TOMORROW, NOW)
    progress.propose_time(road.clerk, road.no, TOMORROW, NOW)  # the same again says nothing new
    with pytest.raises(NothingProposed):  # nobody agrees with oneself
        progress.agree_time(road.clerk, road.no, NOW)
    progress.propose_time(road.clerk, road.no, TOMORROW + HOUR, NOW)
    with pytest.raises(TimeChanged):
        progress.agree_time(road.customer, road.no, NOW, seen=TOMORROW)
    assert progress.agree_time(road.customer, road.no, NOW, seen=TOMORROW + HOUR) == TOMORROW + HOUR
    assert progress.agree_time(road.customer, road.no, NOW, seen=TOMORROW + HOUR) == TOMORROW + HOUR
    row = s.booking(road.no)
    assert (row.appointment_at, row.proposed_at, row.proposed_by) == (TOMORROW + HOUR, None, None)
    assert s.events(road.no)[2:] == ["time_proposed", "time_proposed", "time_agreed"]


def test_a_later_time_that_both_want_moves_the_promise_and_one_side_alone_does_not(app: Flask) -> None:
    road = paid(ready_days=10)
    road.confirm()
    late = NOW + 30 * DAY
    progress.propose_time(road.clerk, road.no, late, NOW)
    assert s.booking(road.no).ready_by == NOW + 10 * DAY
    progress.ask_time(road.customer, road.no, late + HOUR, NOW)
    assert s.booking(road.no).ready_by == NOW + 10 * DAY
    progress.agree_time(road.clerk, road.no, NOW, seen=late + HOUR)
    assert s.booking(road.no).ready_by == late + HOUR


def test_confirming_with_the_time_the_customer_asked_for_agrees_to_it(app: Flask) -> None:
    road = paid()
    progress.ask_time(road.customer, road.no, TOMORROW, NOW)
    progress.confirm(road.clerk, road.no, NOW, appointment_at=TOMORROW)
    assert s.booking(road.no).appointment_at == TOMORROW
    assert s.events(road.no)[2:] == ["time_asked", "confirmed", "time_agreed"]


def test_times_that_make_no_sense_are_told(app: Flask) -> None:
    road = paid()
    for at in (NOW, NOW - HOUR, NOW + 121 * DAY):
        with pytest.raises(TimeWrong):
            progress.propose_time(road.clerk, road.no, at, NOW)
    progress.propose_time(road.clerk, road.no, NOW + HOUR, NOW)
    with pytest.raises(TimeWrong):  # it went by before anybody agreed
        progress.agree_time(road.customer, road.no, NOW + HOUR)


def test_one_car_on_one_booking(app: Flask) -> None:
    road = paid(units=5, per_person=2)
    other = paid_again(road)
    with pytest.raises(ConfirmFirst):
        progress.assign_car(road.clerk, road.no, VIN, NOW)
    for no in (road.no, other):
        progress.confirm(road.clerk, no, NOW)
    progress.assign_car(road.clerk, road.no, f" {VIN[:9].lower()} {VIN[9:]}", NOW)
    progress.assign_car(road.clerk, road.no, VIN, NOW)
    assert s.booking(road.no).vin == VIN
    with pytest.raises(VinTaken):
        progress.assign_car(road.clerk, other, VIN, NOW)
    with pytest.raises(LeadOnly):  # another car later is a correction
        progress.assign_car(road.clerk, road.no, OTHER_VIN, NOW)
    progress.assign_car(road.lead, road.no, OTHER_VIN, NOW)
    progress.assign_car(road.clerk, other, VIN, NOW)
    assert s.events(road.no).count("car_assigned") == 2
    release.cancel_booking(road.customer, other, road.bank, NOW)
    assert s.booking(other).vin is None  # the car is free with its unit


def paid_again(road) -> str:
    """A second booking of the same customer, paid."""
    from app.booking.services import pay
    from tests.payments.wechat_pay import APP_ID, MCH_ID

    no = s.place(road.shop, road.customer).no
    pay.open_booking_payment(road.customer, no, road.bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    road.settle(list(road.bank.orders)[-1])
    return no


def test_a_mistyped_vin_is_told(app: Flask) -> None:
    road = paid()
    road.confirm()
    short, long, letter, digit = VIN[:-1], VIN + "1", VIN.replace("J", "I"), VIN[:-1] + "2"
    for vin in ("", short, long, letter, digit, "车" * 17):
        with pytest.raises(VinWrong):
            progress.assign_car(road.clerk, road.no, vin, NOW)


def test_a_car_is_ready_by_the_promised_day_or_not_at_all(app: Flask) -> None:
    road = paid(ready_days=3)
    with pytest.raises(ConfirmFirst):
        progress.mark_ready(road.clerk, road.no, NOW)
    road.confirm()
    with pytest.raises(NoCarYet):
        progress.mark_ready(road.clerk, road.no, NOW)
    progress.assign_car(road.clerk, road.no, VIN, NOW)
    with pytest.raises(PromiseMissed):
        progress.mark_ready(road.clerk, road.no, NOW + 3 * DAY)
    assert progress.mark_ready(road.clerk, road.no, NOW + 2 * DAY).first
    assert not progress.mark_ready(road.lead, road.no, NOW + 2 * DAY).first
    row = s.booking(road.no)
    assert (row.state, row.ready_at) == ("car_ready", NOW + 2 * DAY)


def test_staying_away_is_said_by_a_leading_person_with_a_reason(app: Flask) -> None:
    road = paid()
    road.ready()
    progress.propose_time(road.clerk, road.no, TOMORROW, NOW)
    progress.agree_time(road.customer, road.no, NOW)
    late = TOMORROW + HOUR
    with pytest.raises(LeadOnly):
        progress.mark_no_show(road.clerk, road.no, "电话未接通", late)
    with pytest.raises(ReasonNeeded):
        progress.mark_no_show(road.lead, road.no, " 没来 ", late)
    with pytest.raises(NoShowTooEarly):
        progress.mark_no_show(road.lead, road.no, "电话未接通", late - timedelta(seconds=1))
    assert progress.mark_no_show(road.lead, road.no, "电话未接通", late).first
    assert not progress.mark_no_show(road.lead, road.no, "电话未接通", late).first
    row = s.booking(road.no)
    assert (row.state, row.no_show_at, row.no_show_reason) == ("car_ready", late, "电话未接通")
    progress.ask_time(road.customer, road.no, late + DAY, late)  # another time ends it
    progress.agree_time(road.clerk, road.no, late)
    assert s.booking(road.no).no_show_at is None
    assert s.events(road.no)[-3:] == ["no_show", "time_asked", "time_agreed"]


def test_without_a_time_a_ready_car_waits_two_weeks(app: Flask) -> None:
    road = paid(kind="定金")
    road.ready()
    with pytest.raises(NoShowTooEarly):
        progress.mark_no_show(road.lead, road.no, "一直没有来", NOW + READY_PATIENCE - HOUR)
    progress.mark_no_show(road.lead, road.no, "一直没有来", NOW + READY_PATIENCE)
    assert [c.kind for c in db.session.query(BookingCase)] == ["forfeit"]  # 定金: headquarters decides
    assert s.booking(road.no).state == "car_ready"


def test_an_ended_booking_takes_no_step(app: Flask) -> None:
    road = paid()
    release.cancel_booking(road.customer, road.no, road.bank, NOW)
    for act in (
        lambda: progress.confirm(road.clerk, road.no, NOW),
        lambda: progress.propose_time(road.clerk, road.no, TOMORROW, NOW),
        lambda: progress.assign_car(road.clerk, road.no, VIN, NOW),
        lambda: progress.mark_ready(road.clerk, road.no, NOW),
        lambda: progress.mark_no_show(road.lead, road.no, "电话未接通", NOW),
    ):
        with pytest.raises(CannotNow) as refusal:
            act()
        assert "退款中" in refusal.value.message


def test_opening_a_customers_number_is_recorded(app: Flask) -> None:
    road = paid()
    assert store_contact.open_contact(road.clerk, road.no, NOW) == ("周样例", "13900002086")
    entries = db.session.query(AuditEntry).filter_by(action="booking_contact_opened").all()
    assert [(e.actor_kind, e.actor_id) for e in entries] == [("staff", road.clerk.id)]
    assert "13900002086" not in str(entries[0].detail)
