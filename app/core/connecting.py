"""Connections: how each database's are prepared, begin, are kept alive, and say that they will write."""

import functools
import select
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DisconnectionError

from app.core import prepared
from app.core.writing import begin_immediate, turn

READ, WRITE = "zhanting_read", "zhanting_write"
_BEGIN, _BEGIN_WRITING = text("BEGIN"), text("BEGIN READ WRITE")


@functools.lru_cache(8)
def reading(engine: Engine) -> Engine:
    """The same engine for what is only read.

    On PostgreSQL without a transaction: statements see what is committed at their moment either way, and the ways to
    the server and back for BEGIN and ROLLBACK are saved.
    """
    return engine.execution_options(**{READ: True})


@functools.lru_cache(8)
def writing(engine: Engine) -> Engine:
    """The same engine, its connections marked as those that write."""
    return engine.execution_options(**{WRITE: True})


@event.listens_for(Engine, "connect")
def _prepare(connection: Any, _record: Any) -> None:
    """On both databases BEGIN is ours (_begin), so that one read alone needs neither BEGIN nor ROLLBACK.

    PostgreSQL refuses a write or a row's lock outside of what we began.
    """
    if type(connection).__module__.split(".")[0] != "sqlite3":
        connection.autocommit = True
        connection.execute("SET default_transaction_read_only = on")
        return
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    options, driver = connection.get_execution_options(), connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        if options.get(WRITE):
            begin_immediate(driver)
        else:
            prepared.run(connection, driver, _BEGIN, {})
    elif not options.get(READ):
        prepared.run(connection, driver, _BEGIN_WRITING, {})


QUIET = 30.0  # seconds a connection may rest before it has to answer again


def keep_alive_only(driver: Any, record: Any, _proxy: Any) -> None:
    """Pool event `checkout` for PostgreSQL: a lost connection is replaced, without asking the server each time.

    A server that goes away says so: then there is something to read where nobody asked. What a firewall has dropped
    says nothing, so a connection that rested for long is asked.
    """
    now = time.monotonic()
    rested = now - record.info.get("used_at", now)
    record.info["used_at"] = now
    wire = select.poll()
    try:
        wire.register(driver.fileno(), select.POLLIN)
        if not wire.poll(0) and (rested < QUIET or driver.execute("SELECT 1")):
            return
    except driver.Error as exc:
        raise DisconnectionError from exc
    raise DisconnectionError


def turn_of(engine: Engine) -> AbstractContextManager[None]:
    """SQLite: one writer of this process at a time asks for the file. PostgreSQL's rows are locked one by one."""
    return turn(str(engine.url.database)) if engine.dialect.name == "sqlite" else nullcontext()
