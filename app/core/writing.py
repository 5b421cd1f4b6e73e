"""Becoming SQLite's one writer: whoever asks gets its turn within the time, however many ask."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError

PATIENCE = 15.0  # seconds
NEXT_TRY = 0.0005
_BEGIN = "BEGIN IMMEDIATE"
_turns: dict[str, threading.Lock] = {}
_adding = threading.Lock()


@contextmanager
def turn(database: str) -> Iterator[None]:
    """One thread of a process at a time asks for this database's one writer, and writes: its others need not ask."""
    with _adding:
        lock = _turns.setdefault(database, threading.Lock())
    if not lock.acquire(timeout=PATIENCE):
        raise OperationalError(_BEGIN, None, sqlite3.OperationalError("database is locked"))
    try:
        yield
    finally:
        lock.release()


def begin_immediate(driver: sqlite3.Connection) -> None:
    """Begin a write, or say after PATIENCE that the database is locked.

    SQLite's own waiting grows to steps of 100 ms and knows no order, so that under load somebody is passed over until
    the time is up. A try every half millisecond finds the gap between two writers; who has the process's `turn` asks
    alone, so that many who wait cost no more than one.
    """
    deadline = time.monotonic() + PATIENCE
    try:
        driver.execute("PRAGMA busy_timeout=0")
        while not _begun(driver, deadline):
            time.sleep(NEXT_TRY)
    finally:
        driver.execute(f"PRAGMA busy_timeout={PATIENCE * 1000:.0f}")


def _begun(driver: sqlite3.Connection, deadline: float) -> bool:
    try:
        driver.execute(_BEGIN)
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
            raise OperationalError(_BEGIN, None, exc) from exc
        return False
    return True
