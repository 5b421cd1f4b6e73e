"""The sandbox's memory: one SQLite file, so that orders, people and messages outlive a restart."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counters (kind TEXT PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS people (openid TEXT PRIMARY KEY, unionid TEXT NOT NULL, nickname TEXT NOT NULL,
  note TEXT NOT NULL, colour TEXT NOT NULL, sample INTEGER NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS codes (code TEXT PRIMARY KEY, openid TEXT NOT NULL, scope TEXT NOT NULL,
  mode TEXT NOT NULL, created_at REAL NOT NULL, used_at REAL);
CREATE TABLE IF NOT EXISTS user_tokens (access_token TEXT PRIMARY KEY, refresh_token TEXT NOT NULL,
  openid TEXT NOT NULL, scope TEXT NOT NULL, snapshot INTEGER NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS app_tokens (token TEXT PRIMARY KEY, kind TEXT NOT NULL, created_at REAL NOT NULL,
  expires_at REAL NOT NULL, replaced_at REAL);
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS orders (out_trade_no TEXT PRIMARY KEY, request TEXT NOT NULL, description TEXT NOT NULL,
  total INTEGER NOT NULL, openid TEXT NOT NULL, notify_url TEXT NOT NULL, attach TEXT, state TEXT NOT NULL,
  created_at REAL NOT NULL, expires_at REAL NOT NULL, transaction_id TEXT UNIQUE, paid_at REAL);
CREATE TABLE IF NOT EXISTS prepays (prepay_id TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS refunds (out_refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE,
  out_trade_no TEXT NOT NULL, request TEXT NOT NULL, refund INTEGER NOT NULL, notify_url TEXT,
  status TEXT NOT NULL, outcome TEXT NOT NULL, created_at REAL NOT NULL, settle_at REAL NOT NULL, success_at REAL);
CREATE TABLE IF NOT EXISTS notices (id TEXT PRIMARY KEY, event_type TEXT NOT NULL, ref TEXT NOT NULL,
  url TEXT NOT NULL, plaintext TEXT NOT NULL, faults TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
  created_at REAL NOT NULL, next_at REAL NOT NULL, last_status INTEGER, last_answer TEXT);
CREATE TABLE IF NOT EXISTS sms (id TEXT PRIMARY KEY, phone TEXT NOT NULL, sign_name TEXT NOT NULL,
  template_id TEXT NOT NULL, params TEXT NOT NULL, text TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS followers (openid TEXT PRIMARY KEY, subscribed INTEGER NOT NULL, scene TEXT NOT NULL,
  since REAL NOT NULL, blocks INTEGER NOT NULL, snapshot INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS interactions (id INTEGER PRIMARY KEY, openid TEXT NOT NULL, kind TEXT NOT NULL,
  at REAL NOT NULL, used INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS consents (openid TEXT NOT NULL, template_id TEXT NOT NULL, left INTEGER NOT NULL,
  PRIMARY KEY (openid, template_id));
CREATE TABLE IF NOT EXISTS scenes (ticket TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, action TEXT NOT NULL,
  scene TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL);
CREATE TABLE IF NOT EXISTS chat (id INTEGER PRIMARY KEY, openid TEXT NOT NULL, kind TEXT NOT NULL,
  template_id TEXT NOT NULL, body TEXT NOT NULL, msgid TEXT NOT NULL, client_msg_id TEXT NOT NULL,
  result TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS pushes (id INTEGER PRIMARY KEY, openid TEXT NOT NULL, kind TEXT NOT NULL, xml TEXT NOT NULL,
  faults TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, created_at REAL NOT NULL,
  next_at REAL NOT NULL, last_status INTEGER, last_answer TEXT);
CREATE TABLE IF NOT EXISTS media (media_id TEXT PRIMARY KEY, mime TEXT NOT NULL, content BLOB NOT NULL,
  created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS maker_leads (event_id TEXT PRIMARY KEY, body TEXT NOT NULL, deliveries INTEGER NOT NULL,
  at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL);
"""
TABLES = "people codes user_tokens nonces orders prepays refunds notices sms log".split()
TABLES += "followers interactions consents scenes chat pushes media maker_leads".split()
# A shop that kept its data goes on after a reset: its token and ticket stay good, no number comes twice.
KEPT = ("counters", "app_tokens")
LOG_LENGTH = 2000


class Store:
    """One connection behind one lock: a development tool needs order, not speed."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; may be nested, the outermost commits."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                if self._depth == 1:
                    self._connection.execute("ROLLBACK")
                raise
            else:
                if self._depth == 1:
                    self._connection.execute("COMMIT")
            finally:
                self._depth -= 1

    def execute(self, sql: str, *values: Any) -> int:
        """Run one statement and say how many rows it touched."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row or None."""
        with self._lock:
            return self._connection.execute(sql, values).fetchone()

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Every row."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def insert(self, table: str, **columns: Any) -> None:
        """Add one row."""
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        self.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *columns.values())

    def get_meta(self, key: str, default: Any = None) -> Any:
        """A remembered JSON value."""
        row = self.one("SELECT value FROM meta WHERE key = ?", key)
        return json.loads(row["value"]) if row else default

    def set_meta(self, key: str, value: Any) -> None:
        """Remember a JSON value."""
        self.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, json.dumps(value))

    def count(self, kind: str) -> int:
        """The next number of its kind, from 1."""
        with self.transaction():
            self.execute("INSERT OR IGNORE INTO counters (kind, n) VALUES (?, 0)", kind)
            self.execute("UPDATE counters SET n = n + 1 WHERE kind = ?", kind)
            row = self.one("SELECT n FROM counters WHERE kind = ?", kind)
        assert row is not None
        return row["n"]

    def now(self) -> float:
        """The sandbox's clock, which tests may move."""
        return time.time() + float(self.get_meta("clock_offset", 0))

    def log(self, kind: str, **detail: Any) -> None:
        """Write one line that `/sim/log` and the developer page show."""
        self.insert("log", at=self.now(), kind=kind, detail=json.dumps(detail, ensure_ascii=False))
        self.execute("DELETE FROM log WHERE id <= (SELECT MAX(id) FROM log) - ?", LOG_LENGTH)

    def clear(self, *, completely: bool) -> None:
        """Forget people, orders, messages and faults; completely: the numbering and the tokens too."""
        with self.transaction():
            for table in (*TABLES, *KEPT) if completely else TABLES:
                self.execute(f"DELETE FROM {table}")
            self.execute("DELETE FROM meta WHERE key <> 'seed'")
