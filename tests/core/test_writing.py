"""Waiting for SQLite's one writer."""

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from app.core import writing
from app.core.db import execute, transaction, write_last


def connect(path: Path) -> sqlite3.Connection:
    made = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    made.execute("PRAGMA journal_mode=WAL")
    return made


def test_who_waits_writes_when_the_other_is_done(tmp_path):
    first, second = connect(tmp_path / "a.db"), connect(tmp_path / "a.db")
    writing.begin_immediate(first)
    waiting = threading.Thread(target=writing.begin_immediate, args=(second,))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    first.execute("COMMIT")
    waiting.join(10)
    assert second.in_transaction


def test_patience_ends_and_the_next_can_ask(tmp_path, monkeypatch):
    first, second = connect(tmp_path / "a.db"), connect(tmp_path / "a.db")
    writing.begin_immediate(first)
    monkeypatch.setattr(writing, "PATIENCE", 0.01)
    with pytest.raises(OperationalError, match="locked"):
        writing.begin_immediate(second)
    first.execute("ROLLBACK")
    monkeypatch.undo()
    writing.begin_immediate(second)
    assert second.in_transaction
    assert second.execute("PRAGMA busy_timeout").fetchone() == (15000,)


def test_the_others_of_a_process_wait_for_its_turn(tmp_path, monkeypatch):
    with writing.turn("a.db"), writing.turn("b.db"):  # another database is another writer
        monkeypatch.setattr(writing, "PATIENCE", 0.01)
        with pytest.raises(OperationalError, match="locked"), writing.turn("a.db"):
            pass
    with writing.turn("a.db"):
        pass


def test_what_is_written_last_goes_out_together_or_not_at_all(app):
    written: list[list[int]] = []
    with transaction():
        write_last(written.append, 1)
        write_last(written.append, 2)
        assert written == []
    with pytest.raises(ValueError), transaction():
        write_last(written.append, 3)
        raise ValueError
    with transaction():
        pass
    assert written == [[1, 2]]
    with pytest.raises(RuntimeError, match="outside a transaction"):
        write_last(written.append, 4)


def test_a_quick_statement_belongs_to_a_transaction(app):
    from sqlalchemy import select

    from app.core.audit import AuditEntry

    with pytest.raises(RuntimeError, match="outside a transaction"):
        execute(select(AuditEntry.id), {})
    with transaction():
        assert execute(select(AuditEntry.id), {}).first() is None
