"""Two clerks, two devices, the same tap: every step of the store counts once, by threads and by processes."""

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.booking.models import Booking
from app.booking.services import balance, progress, release, store_return
from app.core.audit import AuditEntry
from app.core.db import db
from app.core.security import Actor
from app.factory import create_app
from app.gateways.pay.port import RefundStatus
from tests.booking import road
from tests.booking import shop as s
from tests.booking.road import DAY, HOUR, VIN, Road
from tests.booking.shop import NOW
from tests.booking.test_balance import record
from tests.booking.test_corners import answer_refunds
from tests.conftest import make_settings
from tests.races.world import at_once, refusals

pytestmark = [pytest.mark.both_databases, pytest.mark.race]
LATER, AWAY = NOW + DAY, NOW + DAY + 2 * HOUR


@dataclass(frozen=True)
class Step:
    """What stands before, what is tapped, which line of the timeline it leaves, whose word counts."""

    before: Callable[[Road], object]
    tap: Callable[[Actor, str], Any]
    event: str
    second: frozenset[str] = frozenset()  # how the second may be refused; else it reads that it is done


def agreed(one: Road) -> None:
    one.ready()
    progress.propose_time(one.clerk, one.no, LATER, NOW)
    progress.agree_time(one.customer, one.no, NOW)


def owing(one: Road) -> None:
    one.confirm()
    record(one, NOW)
    release.cancel_booking(one.customer, one.no, one.bank, NOW)
    answer_refunds(RefundStatus.SUCCESS)


def assigned(one: Road) -> None:
    one.confirm()
    progress.assign_car(one.clerk, one.no, VIN, NOW)


STEPS = {
    "confirm": Step(lambda one: None, lambda who, no: progress.confirm(who, no, NOW), "confirmed"),
    "propose": Step(lambda one: None, lambda who, no: progress.propose_time(who, no, LATER, NOW), "time_proposed"),
    "agree": Step(
        lambda one: progress.ask_time(one.customer, one.no, LATER, NOW),
        lambda who, no: progress.agree_time(who, no, NOW, seen=LATER),
        "time_agreed",
    ),
    "assign": Step(Road.confirm, lambda who, no: progress.assign_car(who, no, VIN, NOW), "car_assigned"),
    "ready": Step(assigned, lambda who, no: progress.mark_ready(who, no, NOW), "car_ready"),
    "no_show": Step(agreed, lambda who, no: progress.mark_no_show(who, no, "约定时间未到", AWAY), "no_show"),
    "balance": Step(Road.confirm, lambda who, no: balance.record_in_store(who, no, "SJ-0001", NOW), "balance_paid"),
    "correct": Step(
        lambda one: (one.confirm(), record(one, NOW)),
        lambda who, no: balance.correct(who, no, "SJ-0009", "抄错了一位", NOW),
        "balance_corrected",
    ),
    "return": Step(owing, lambda who, no: store_return.record_return(who, no, "TK-0001", NOW), "store_returned"),
}


def leading(one: Road) -> list[Actor]:
    return [one.lead, s.clerk(one.shop.west, "manager", "钱样例")]


@pytest.mark.parametrize("name", STEPS)
def test_every_step_of_the_store_taken_by_two_at_once_counts_once(app: Flask, name: str) -> None:
    step, one = STEPS[name], road.paid()
    step.before(one)
    people = leading(one)
    outcomes: list[Any] = at_once(app, [lambda who=who: step.tap(who, one.no) for who in people * 2])
    assert refusals(outcomes) <= step.second, outcomes
    assert s.events(one.no).count(step.event) == 1
    firsts = [outcome.first for outcome in outcomes if isinstance(outcome, progress.Outcome)]
    assert not firsts or sorted(firsts) == [False, False, False, True]
    road.money_adds_up()


def tap_through(url: str, folder: Path, no: str, who: Actor, gate: Any) -> None:
    """One device's morning of a booking, at a process of the shop of its own."""
    with create_app(make_settings(url, folder)).app_context():
        gate.wait(60)
        progress.confirm(who, no, NOW)
        progress.assign_car(who, no, VIN, NOW)
        progress.mark_ready(who, no, NOW)


def test_two_devices_at_two_processes_are_one_of_each(app: Flask, tmp_path: Path) -> None:
    """Each device talks to another process of the shop: the whole morning of a booking, tapped twice at once."""
    one = road.paid()
    people = leading(one)
    url = app.config["SETTINGS"].database_url
    db.session.remove()
    db.engine.dispose()  # no connection is inherited
    fork = multiprocessing.get_context("fork")
    gate = fork.Barrier(len(people))
    processes = [fork.Process(target=tap_through, args=(url, tmp_path, one.no, who, gate)) for who in people]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert [s.events(one.no).count(event) for event in ("confirmed", "car_assigned", "car_ready")] == [1, 1, 1]
    booking = s.booking(one.no)
    assert (booking.state, booking.vin) == ("car_ready", VIN)
    trail = db.session.query(AuditEntry).filter_by(subject_kind="booking", subject_id=booking.id)
    assert trail.filter(AuditEntry.action.in_(["booking_confirmed", "booking_car_ready"])).count() == 2
    assert db.session.query(Booking).count() == 1
