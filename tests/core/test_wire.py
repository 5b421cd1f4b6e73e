"""What goes to PostgreSQL in one call comes back as psycopg would have brought it, its failures too."""

import threading
import time
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError

from app.core import db as core
from app.core import prepared, wire
from app.factory import engine_options

MANY = wire.TWICE + 3


@pytest.fixture
def driver(postgres_server):
    with psycopg.connect(f"{postgres_server}postgres", autocommit=True, prepare_threshold=None) as connection:
        yield connection


def kept(driver) -> list[str]:
    return [row[0] for row in driver.execute("SELECT statement FROM pg_prepared_statements").fetchall()]


def test_values_come_back_as_they_went(driver):
    sql = "SELECT $1::text, $2::bigint, $3::timestamptz, $4::bool, $5::bytea, $6::int[], $7::float8, $8::text"
    moment = datetime(2026, 11, 23, 4, 5, 6, 789, tzinfo=UTC)
    for number in (1, 40_000, 2**40, -7, *range(MANY)):  # small at first, then too large for what was small
        given = ["展厅 '; --", number, moment, True, b"\x00\xff", [3, 4], 0.1, None]
        assert wire.run(driver, sql, given) == (1, [tuple(given)])
    assert kept(driver) == [sql]


def test_rows_touched_are_counted(driver):
    for sql, touched in (
        ("CREATE TEMP TABLE t (n int)", -1),
        ("INSERT INTO t SELECT generate_series(1, 7)", 7),
        ("UPDATE t SET n = n + 1 WHERE n > 3", 4),
        ("SELECT n FROM t WHERE n > 100", 0),
    ):
        assert wire.run(driver, sql, [])[0] == touched


def test_what_is_asked_seldom_is_not_kept_by_the_server(driver):
    for n in range(40):
        wire.run(driver, f"SELECT {n}", [])
    assert kept(driver) == []


def test_what_is_kept_outlives_a_rollback(driver):
    for _ in range(MANY):
        wire.run(driver, "SELECT 1", [])
    driver.execute("BEGIN")
    driver.rollback()
    assert kept(driver) == ["SELECT 1"]
    assert wire.run(driver, "SELECT 1", []) == (1, [(1,)])


def test_errors_are_those_of_psycopg(driver):
    driver.execute("CREATE TEMP TABLE u (n int PRIMARY KEY, m int NOT NULL)")
    insert = "INSERT INTO u VALUES ($1, $2)"
    wire.run(driver, insert, [1, 1])
    for _ in range(MANY):  # told whole and prepared
        with pytest.raises(psycopg.errors.UniqueViolation) as raised:
            wire.run(driver, insert, [1, 1])
        assert raised.value.diag.constraint_name == "u_pkey"
    with pytest.raises(psycopg.errors.NotNullViolation):
        wire.run(driver, insert, [2, None])
    for _ in range(MANY):
        with pytest.raises(psycopg.errors.SyntaxError):
            wire.run(driver, "SELEC 1", [])
    assert wire.run(driver, "SELECT count(*) FROM u", []) == (1, [(1,)])


@pytest.mark.parametrize("asked", [0, MANY])
def test_a_connection_that_the_server_ends_is_told_as_lost(postgres_server, asked):
    url = f"{postgres_server}postgres".replace("postgresql:", "postgresql+psycopg:")
    engine, one = create_engine(url, **engine_options(url)), select(text("pg_backend_pid()"))
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        for _ in range(asked):
            prepared.run(connection, driver, one, {})
        pid = driver.info.backend_pid
        with psycopg.connect(f"{postgres_server}postgres", autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        with pytest.raises(DBAPIError) as raised:
            prepared.run(connection, driver, one, {})
        assert raised.value.connection_invalidated
        assert isinstance(raised.value.orig, psycopg.OperationalError)
        with pytest.raises(psycopg.OperationalError):  # known to be lost
            wire.run(driver, "SELECT 1", [])
    with engine.connect() as connection:
        assert connection.execute(one).scalar_one() != pid
    engine.dispose()


def test_others_go_on_while_one_waits(driver):
    """The interpreter is let go: a statement that waits for a lock does not stop the worker's other threads."""
    waiting = threading.Thread(target=wire.run, args=(driver, "SELECT pg_sleep(0.5)", []))
    waiting.start()
    turns = 0
    while waiting.is_alive():
        time.sleep(0.005)
        turns += 1
    assert turns > 10


def test_a_write_outside_a_transaction_is_refused(postgres_server):
    """Reads need no BEGIN; what would write without one is refused by PostgreSQL itself, so nothing is half saved."""
    url = f"{postgres_server}postgres".replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, **engine_options(url))
    with core.reading(engine).connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
        assert driver.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with pytest.raises(DBAPIError, match="read-only"):
            connection.execute(text("CREATE TABLE stray (n int)"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE stray (n int)"))
        connection.execute(text("DROP TABLE stray"))
    engine.dispose()
