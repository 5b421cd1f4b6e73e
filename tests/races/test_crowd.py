"""A crowd in several processes, each with threads of its own: what holds inside one process holds between them, too."""

import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, update

from app.booking.models import Booking, OnePriceDeal, QueuePlace
from app.booking.services import queue
from app.booking.services.place import place_booking
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.security import Actor
from app.members.models import Member
from tests.booking import shop as s
from tests.booking.shop import NOW

pytestmark = [pytest.mark.both_databases, pytest.mark.race]
PROCESSES, THREADS = 2, 8
Work = Callable[[s.Shop, int], str]


def try_to_book(shop: s.Shop, member_id: int) -> str:
    wish = s.wish(shop, phone=f"139{member_id:08d}", idempotency_key=f"form-{member_id}")
    try:
        place_booking(Actor("member", member_id), wish, NOW)
    except DomainError as refusal:
        return type(refusal).__name__
    return "held"


def try_to_join(shop: s.Shop, member_id: int) -> str:
    return str(queue.join(Actor("member", member_id), shop.deal, NOW))


def sweep(_shop: s.Shop, _member_id: int) -> str:
    return str(queue.lapse_due(NOW + timedelta(days=1)))


def careless_booking(shop: s.Shop, member_id: int) -> str:
    """What shops do: look how many are left, then write one less."""
    left = db.session.get_one(OnePriceDeal, shop.deal_id).units_left
    db.session.rollback()
    if not left:
        return "SoldOut"
    with transaction():
        db.session.execute(update(OnePriceDeal).values(units_left=left - 1))
    return "held"


def one_process(url: str, folder: Path, shop: s.Shop, member_ids: list[int], work: Work, gate: Any, told: Any) -> None:
    """A process of the crowd: an app of its own, engine and all."""
    from app.factory import create_app
    from tests.conftest import make_settings

    app = create_app(make_settings(url, folder))

    def one(member_id: int) -> str:
        with app.app_context():
            try:
                return work(shop, member_id)
            finally:
                db.session.remove()

    gate.wait(60)
    with ThreadPoolExecutor(THREADS) as pool:
        told.put(Counter(pool.map(one, member_ids)))


def crowd(app: Flask, folder: Path, shop: s.Shop, member_ids: list[int], work: Work) -> Counter[str]:
    """Everybody at once, from processes that share nothing but the database."""
    url = app.config["SETTINGS"].database_url
    with transaction():  # SQLAlchemy makes a class at the first use of this, which threads must not do
        db.session.execute(update(OnePriceDeal).where(OnePriceDeal.id == 0).values(waiting=0))
    db.session.remove()
    db.engine.dispose()  # no connection is inherited
    fork = multiprocessing.get_context("fork")
    gate, told = fork.Barrier(PROCESSES), fork.SimpleQueue()
    shares = [(url, folder, shop, member_ids[n::PROCESSES], work, gate, told) for n in range(PROCESSES)]
    processes = [fork.Process(target=one_process, args=share) for share in shares]
    for process in processes:
        process.start()
    outcomes: Counter[str] = Counter()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
        outcomes += told.get()
    return outcomes


def many(count: int) -> list[int]:
    """So many people with proved phones."""
    with transaction():
        rows = [
            {"nickname": "样例", "name": "样例", "phone": f"139{n:08d}", "phone_verified_at": NOW, "created_at": NOW,
             "last_login_at": NOW, "session_version": 1} for n in range(count)
        ]  # fmt: skip
        return list(db.session.scalars(insert(Member).returning(Member.id), rows))


def test_without_the_guard_processes_sell_more_than_there_is(app: Flask, tmp_path: Path) -> None:
    shop = s.build(units=50)
    outcomes = crowd(app, tmp_path, shop, many(100), careless_booking)
    assert outcomes["held"] + outcomes["SoldOut"] == 100
    assert outcomes["held"] > 50 - s.units_left(shop)  # some units were sold twice


def test_two_thousand_people_at_a_hundred_units_and_the_queue_of_the_rest(app: Flask, tmp_path: Path) -> None:
    shop, people = s.build(units=100, queue_when_sold_out=True), many(2000)
    outcomes = crowd(app, tmp_path, shop, people, try_to_book)
    assert outcomes == {"held": 100, "SoldOutQueue": 1900}
    assert s.stands(shop) == {"left": 0, "kept": 100, "offered": 0, "waiting": 0}
    assert db.session.query(Booking).count() == 100
    holders = {row.member_id for row in db.session.query(Booking)}
    assert len(holders) == 100
    db.session.rollback()
    # The rest line up at the same moment: each has a turn of its own.
    places = crowd(app, tmp_path, shop, [who for who in people if who not in holders][:60], try_to_join)
    assert places == {str(n): 1 for n in range(1, 61)}
    # Offers end all at once while workers of two processes sweep: each unit goes to the next, once.
    with transaction():
        db.session.execute(update(OnePriceDeal).values(units_total=120, units_left=20))
    assert queue.serve(shop.deal_id, NOW) == 20
    crowd(app, tmp_path, shop, list(range(8)), sweep)
    assert s.stands(shop) == {"left": 0, "kept": 100, "offered": 20, "waiting": 20}
    states = [row.state for row in db.session.query(QueuePlace).order_by(QueuePlace.claimed_at, QueuePlace.id)]
    assert states == ["lapsed"] * 20 + ["offered"] * 20 + ["waiting"] * 20
