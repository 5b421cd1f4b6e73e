"""Adding rows: in order, without a gap, one after the other whoever comes at once; nothing stays of what was undone."""

import json
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from app.core.db import db, execute, retry_deadlock, transaction
from app.core.security import SYSTEM, Actor
from app.ledger.models import LedgerEntry, LedgerHead
from app.ledger.rules import GENESIS, LedgerEvent, Line, canonical, digest
from app.ledger.services import append
from app.members.models import Member
from tests.conftest import make_settings
from tests.ledger.book import CHAIN, NOON, count, fill, head, numbers, problems
from tests.races.world import at_once, wins

both = pytest.mark.both_databases


@both
def test_rows_follow_each_other_in_each_chain(app: Flask) -> None:
    fill(3)
    fill(2, chain=0)
    fill(2)
    assert (numbers(), numbers(0)) == ([1, 2, 3, 4, 5], [1, 2])
    rows = db.session.scalars(select(LedgerEntry).where(LedgerEntry.chain == CHAIN).order_by(LedgerEntry.seq)).all()
    assert [row.previous for row in rows] == [GENESIS, *(row.digest for row in rows[:-1])]
    assert head() == (5, rows[-1].digest)
    assert (problems(), problems(0)) == ([], [])


def test_what_a_row_says(app: Flask) -> None:
    with transaction():
        append(Actor("staff", 3, "clerk", 7), LedgerEvent.CLAIMED, "coupon", 12, NOON)
    row = db.session.query(LedgerEntry).one()
    assert (row.chain, row.subject, row.actor, row.event, row.amount_fen) == (0, "coupon:12", "staff:3", "claimed", 0)


@both
def test_a_transaction_that_is_undone_leaves_nothing(app: Flask) -> None:
    fill(2)
    before = head()

    def fails() -> None:
        with transaction():
            append(SYSTEM, LedgerEvent.CLAIMED, "coupon", 1, NOON, dealer_id=CHAIN)
            append(SYSTEM, LedgerEvent.CLAIMED, "coupon", 1, NOON, dealer_id=99)
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert (head(), head(99), count(LedgerEntry)) == (before, None, 2)
    fill(1)
    assert (numbers(), problems()) == ([1, 2, 3], [])


@both
@pytest.mark.race
def test_many_at_once_without_gap_or_fork(app: Flask) -> None:
    """Also the very first rows: nobody has made the head yet."""

    def one() -> int:
        for _ in range(4):
            append(SYSTEM, LedgerEvent.CLAIMED, "coupon", 1, NOON, dealer_id=CHAIN)
        return 4

    assert wins(at_once(app, [one] * 12)) == [4] * 12
    assert (numbers(), problems()) == (list(range(1, 49)), [])
    assert head() == (48, db.session.scalar(select(LedgerEntry.digest).where(LedgerEntry.seq == 48)))


@both
@pytest.mark.race
def test_two_processes_at_once(app: Flask, database_url: str, tmp_path: Path) -> None:
    db.session.remove()
    db.engine.dispose()  # no connection is inherited
    fork = multiprocessing.get_context("fork")
    people = [fork.Process(target=_write, args=(database_url, str(tmp_path), 15)) for _ in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join(60)
    assert [person.exitcode for person in people] == [0, 0]
    assert (numbers(), problems()) == (list(range(1, 31)), [])


def _write(url: str, folder: str, rows: int) -> None:
    from app.factory import create_app

    with create_app(make_settings(url, Path(folder))).app_context():
        for _ in range(rows):
            with transaction():
                append(SYSTEM, LedgerEvent.CLAIMED, "coupon", 1, NOON, dealer_id=CHAIN)


@both
@pytest.mark.race
def test_without_the_head_lock_a_chain_forks(app: Flask) -> None:
    """Reading the end and writing later: both follow the same row, and the numbers collide or the chain splits."""
    fill(1)
    looked = threading.Barrier(2)

    def careless() -> bool:
        seq, previous = db.session.execute(
            select(LedgerHead.seq, LedgerHead.digest).where(LedgerHead.id == CHAIN)
        ).one()
        db.session.rollback()
        looked.wait(timeout=30)
        line = Line(CHAIN, seq + 1, NOON, "claimed", "coupon:1", "", 0, 0, "system")
        values = {name: getattr(line, name) for name in Line.__slots__}
        with transaction():
            values["seq"] += db.session.query(LedgerEntry).filter_by(chain=CHAIN, seq=seq + 1).count()  # dodge the key
            db.session.add(LedgerEntry(**values, previous=previous, digest=digest(line, previous)))
            db.session.execute(update(LedgerHead).values(seq=values["seq"], digest=digest(line, previous)))
        return True

    with ThreadPoolExecutor(2) as pool:
        app_context = [pool.submit(_inside, app, careless) for _ in range(2)]
        outcomes = [future.exception() for future in app_context]
    assert any(outcomes) or problems(), "one of the two is lost or the chain is forked"


def _inside(app: Flask, work: Any) -> Any:
    with app.app_context():
        try:
            return work()
        finally:
            db.session.remove()


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.race
def test_the_head_is_locked_after_everything_else(app: Flask) -> None:
    """Two services that lock a member and say what happened in opposite order: neither waits for ever for the other."""
    fill(1)
    with transaction() as session:
        member = Member(created_at=NOON, last_login_at=NOON)
        session.add(member)
        session.flush()
        member_id = member.id
    met, tries = threading.Barrier(2), []

    @retry_deadlock
    def write(ledger_first: bool) -> bool:
        tries.append(ledger_first)
        with transaction():
            if ledger_first:
                append(SYSTEM, LedgerEvent.CLAIMED, "coupon", 1, NOON, dealer_id=CHAIN)
                met.wait(timeout=30)
            db.session.execute(select(Member.id).where(Member.id == member_id).with_for_update())
            if not ledger_first:
                met.wait(timeout=30)
                append(SYSTEM, LedgerEvent.CLAIMED, "coupon", 1, NOON, dealer_id=CHAIN)
        return True

    assert at_once(app, [lambda: write(True), lambda: write(False)]) == [True, True]
    assert len(tries) == 2, "nobody was the victim"
    assert (numbers(), problems()) == ([1, 2, 3], [])


def test_heads_are_locked_in_one_order_and_rows_keep_theirs(app: Flask) -> None:
    seen: list[str] = []
    with transaction() as session:
        driver = session.connection().connection.dbapi_connection
        driver.set_trace_callback(seen.append)  # pyright: ignore
        for n, chain in enumerate((9, 7, 9), 1):
            append(SYSTEM, LedgerEvent.CLAIMED, "coupon", n, NOON, dealer_id=chain)
        assert not seen, "nothing is locked while others may still be written to"
    driver.set_trace_callback(None)  # pyright: ignore
    heads = [statement.rsplit(" ", 1)[1] for statement in seen if statement.startswith("SELECT ledger_heads")]
    assert list(dict.fromkeys(heads)) == ["7", "9"]
    db.session.rollback()
    subjects = select(LedgerEntry.subject).where(LedgerEntry.chain == 9).order_by(LedgerEntry.seq)
    assert list(db.session.scalars(subjects)) == ["coupon:1", "coupon:3"]
    assert (problems(7), problems(9)) == ([], [])


def test_three_statements_and_no_more(app: Flask) -> None:
    """What a row costs its transaction: the head read, the row written, the head moved."""
    fill(1)
    seen: list[str] = []
    with transaction() as session:
        driver = session.connection().connection.dbapi_connection
        driver.set_trace_callback(seen.append)  # pyright: ignore
        append(SYSTEM, LedgerEvent.CLAIMED, "coupon", 1, NOON, dealer_id=CHAIN)
    driver.set_trace_callback(None)  # pyright: ignore
    assert [statement.split()[0] for statement in seen] == ["SELECT", "INSERT", "UPDATE", "COMMIT"]


words = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(words, words, words, st.integers(0, 2**62), st.integers(0, 1000), st.datetimes(timezones=st.just(UTC)))
def test_the_bytes_are_those_of_json(
    subject: str, campaign: str, actor: str, fen: int, part: int, at: datetime
) -> None:
    """The quick way of writing a row down is what any JSON library writes."""
    line = Line(7, 3, at, "redeemed", subject, campaign, fen, part, actor)
    stamp = f"{at:%m-%dT%H:%M:%S.%f}Z"
    fields = [1, 7, 3, f"{at.year:04d}-{stamp}", "redeemed", subject, campaign, fen, part, actor, GENESIS]
    assert canonical(line, GENESIS) == json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_row_needs_a_transaction_of_its_caller_or_makes_one(app: Flask) -> None:
    append(SYSTEM, LedgerEvent.CLAIMED, "coupon", 1, NOON)
    assert numbers(0) == [1]
    with pytest.raises(RuntimeError):
        execute(select(LedgerHead.id), {})
