"""The limit for bookings: a bare Flask view with one conditional UPDATE and one INSERT on the raw driver, durable.

`BARE_BOOKINGS` is the path of an SQLite file, or a PostgreSQL address.
"""

import os
import sqlite3
import threading
from typing import Any

import psycopg
from flask import Flask, request

app = Flask(__name__)
DATABASE = os.environ["BARE_BOOKINGS"]
POSTGRES = DATABASE.startswith("postgresql")
SIGN = "%s" if POSTGRES else "?"
TAKE = f"UPDATE deals SET units_left = units_left - 1 WHERE id = {SIGN} AND units_left > 0"
PLACE = f"INSERT INTO bookings (deal_id, member_id, no) VALUES ({SIGN}, {SIGN}, {SIGN})"
TABLES = (
    "CREATE TABLE deals (id INTEGER PRIMARY KEY, units_left INTEGER NOT NULL CHECK (units_left >= 0))",
    "CREATE TABLE bookings (deal_id INTEGER, member_id TEXT, no TEXT, UNIQUE (deal_id, member_id))",
    "INSERT INTO deals VALUES (1, 1000000)",
)
own = threading.local()


def connect() -> Any:
    if POSTGRES:
        return psycopg.connect(DATABASE, autocommit=True)
    made = sqlite3.connect(DATABASE, isolation_level=None, timeout=15)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000"):
        made.execute(f"PRAGMA {pragma}")
    return made


def make_tables() -> None:
    """Called once, before the server starts."""
    connection = connect()
    for statement in TABLES:
        connection.execute(statement)
    connection.close()


@app.get("/")
def alive():
    return "ok"


@app.post("/bookings")
def place():
    if not hasattr(own, "connection"):
        own.connection = connect()
    member = request.form["member"]
    own.connection.execute("BEGIN" if POSTGRES else "BEGIN IMMEDIATE")
    taken = own.connection.execute(TAKE, (1,)).rowcount == 1
    if taken:
        own.connection.execute(PLACE, (1, member, f"B{member}"))
    own.connection.execute("COMMIT")
    return ("held", 201) if taken else ("sold out", 409)
