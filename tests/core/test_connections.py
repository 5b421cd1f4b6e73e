"""A connection of the pool that was lost is replaced before anybody uses it."""

import time
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, text

from app.core import connecting
from app.factory import engine_options


@pytest.fixture(scope="module")
def engine(postgres_server):
    url = f"{postgres_server}postgres".replace("postgresql:", "postgresql+psycopg:")
    made = create_engine(url, **engine_options(url))
    yield made
    made.dispose()


def backend(engine: Any) -> int:
    with engine.connect() as connection:
        return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


def test_a_living_connection_is_used_again(engine):
    assert backend(engine) == backend(engine)


def test_one_that_the_server_ended_is_replaced(engine):
    former = backend(engine)
    with psycopg.connect(engine.url.render_as_string(False).replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (former,))
    assert backend(engine) != former


def test_one_that_rested_long_is_asked(engine, monkeypatch):
    asked: list[str] = []
    driver: Any = SimpleNamespace(fileno=lambda: 0, execute=asked.append, Error=psycopg.Error)
    monkeypatch.setattr(
        connecting.select, "poll", lambda: SimpleNamespace(register=lambda *_: None, poll=lambda _ms: [])
    )
    record = SimpleNamespace(info={"used_at": time.monotonic() - 2 * connecting.QUIET})
    with pytest.raises(connecting.DisconnectionError):  # this one gives no answer
        connecting.keep_alive_only(driver, record, None)
    connecting.keep_alive_only(driver, record, None)  # just asked: not again
    assert asked == ["SELECT 1"]


def test_the_driver_begins_nothing_by_itself(engine):
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        assert driver.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        connection.execute(text("SELECT 1"))
        assert driver.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        connection.rollback()
        assert driver.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_what_somebody_left_open_ends_with_the_return(engine):
    """Whoever takes the connection next must not find itself in another's transaction."""
    raw = engine.raw_connection()
    driver = raw.dbapi_connection
    driver.execute("BEGIN")
    driver.execute("SELECT 1")
    raw.close()
    assert driver.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
