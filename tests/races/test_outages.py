"""The database goes away in the middle of a crowd, and the worker sleeps for an hour: nothing lost, nothing doubled."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.booking.models import Booking, OnePriceDeal
from app.booking.rules import HOLD, KEEPS_UNIT
from app.booking.services import release
from app.booking.services.pay import BookingPayable
from app.core.db import db
from app.core.security import Actor
from app.payments.errors import NothingDue
from tests import postgres
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import Wechat, open_form, sign_in
from tests.payments.wechat_pay import Bank

pytestmark = pytest.mark.race
UNITS, PEOPLE = 12, 24


def adds_up(shop: s.Shop) -> int:
    """How many bookings keep a unit; with what is left they are all units there are."""
    db.session.remove()
    deal = db.session.scalars(select(OnePriceDeal).where(OnePriceDeal.id == shop.deal_id)).one()
    kept = select(func.count()).select_from(Booking).where(Booking.state.in_(KEEPS_UNIT))
    bookings = db.session.scalar(kept) or 0
    assert deal.units_left + bookings == deal.units_total
    db.session.remove()
    return bookings


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_postgresql_restarts_in_the_middle_of_the_crowd(
    app: Flask, postgres_of_its_own: tuple[str, postgres.Restart]
) -> None:
    """Who gets no answer reads to try again; the same form then gives everybody one booking at most."""
    _url, restart = postgres_of_its_own
    with time_machine.travel(NOW, tick=False):
        shop = s.build(units=UNITS)
        clients = [sign_in(app, s.member(f"139{n:08d}")) for n in range(PEOPLE)]
        forms = [open_form(client, shop) for client in clients]
        db.session.remove()

        def book(n: int) -> int:
            return clients[n].post(f"/deals/{shop.deal}/bookings", data=forms[n]).status_code

        restart.stop()
        gone = clients[0].post(f"/deals/{shop.deal}/bookings", data=forms[0])
        assert gone.status_code == 503
        assert "没有任何操作被重复执行" in gone.text
        restart.start()
        assert [book(0), book(0)] == [303, 303]
        assert adds_up(shop) == 1

        some_have_asked = threading.Semaphore(0)

        def book_in_crowd(n: int) -> int:
            try:
                return book(n)
            finally:
                some_have_asked.release()

        with ThreadPoolExecutor(6) as pool:
            first = [pool.submit(book_in_crowd, n) for n in range(PEOPLE)]
            for _ in range(4):
                assert some_have_asked.acquire(timeout=30)
            restart()
            statuses = [work.result(timeout=60) for work in first]
        assert set(statuses) <= {303, 422, 503}
        again = [book(n) for n in range(PEOPLE)]
        assert set(again) == {303, 422}
        assert again.count(303) == UNITS
        assert all(later == 303 for early, later in zip(statuses, again, strict=True) if early == 303)  # none lost
        assert adds_up(shop) == UNITS
        each = select(func.count()).select_from(Booking).group_by(Booking.member_id)
        assert set(db.session.scalars(each)) == {1}


BOOKER = """
import sys
from datetime import UTC, datetime
from app.factory import create_app
from app.booking.services.place import Wish, place_booking
from app.core.security import Actor
from app.payments.errors import NothingDue
slug, dealer, terms, now = sys.argv[1], int(sys.argv[2]), sys.argv[3], datetime.fromisoformat(sys.argv[4])
with create_app().app_context():
    for member in map(int, sys.argv[5:]):
        placed = place_booking(Actor("member", member), Wish(slug, dealer, "周样例", f"139{member:08d}",
            f"killed-form-{member}", 8880000, terms), now)
        print(member, placed.no, flush=True)
"""


def test_a_process_killed_while_it_writes_loses_and_doubles_nothing(app: Flask, tmp_path: Path) -> None:
    """SQLite, killed between two bookings or within one: what was said to be booked is, and units add up."""
    shop = s.build(units=100)
    people = [s.member(f"1390000{n:04d}") for n in range(60)]
    db.session.remove()
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.db'}", "SECRET_KEY": "k" * 40}
    command = [sys.executable, "-c", BOOKER, shop.deal, str(shop.west), shop.terms, NOW.isoformat()]
    process = subprocess.Popen(
        [*command, *(str(person.id) for person in people)], cwd=Path(__file__).parents[2], env=environment,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    said = [process.stdout.readline().split() for _ in range(5)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=20)
    said += [line.split() for line in rest.splitlines() if len(line.split()) == 2]
    assert len(said) < len(people)
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    booked = {no for _member, no in said}
    assert booked <= set(db.session.scalars(select(Booking.no)))
    assert adds_up(shop) in {len(said), len(said) + 1}  # one may have been saved and not yet said
    for member_id, no in said:  # the same form again
        wish = s.wish(shop, idempotency_key=f"killed-form-{member_id}")
        assert s.place_booking(Actor("member", int(member_id)), wish, NOW).no == no


def test_an_hour_without_the_worker(app: Flask) -> None:
    """Holds are judged by the time at use: nobody pays for one that is over, and the first sweep afterwards ends it."""
    bank = app.extensions["pay"] = Bank()
    app.extensions["wechat"] = Wechat()
    with time_machine.travel(NOW, tick=False):
        shop, actor = s.build(units=1), s.member()
        client = sign_in(app, actor)
        no = s.place(shop, actor).no
    later = NOW + HOLD + timedelta(hours=1)
    with time_machine.travel(later, tick=False):
        page = client.get(f"/bookings/{no}/payment").text
        assert "data-pay-sign" not in page
        with pytest.raises(NothingDue):
            BookingPayable().amount_due(s.booking(no).id, later)
        assert s.booking(no).state == "held"  # nobody swept yet
        assert adds_up(shop) == 1
        release.expire_holds(bank, later)
        assert s.booking(no).state == "expired"
        assert adds_up(shop) == 0
        assert s.place(shop, s.member("13900000009"), later).no
