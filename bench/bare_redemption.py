"""The limit for redemptions: bare Flask views, one that reads a coupon and one with a conditional UPDATE and an INSERT.

On the raw driver, durable. `BARE_REDEMPTIONS` is the path of an SQLite file, or a PostgreSQL address.
"""

import os
import sqlite3
import threading
from typing import Any

import psycopg
from flask import Flask, request

app = Flask(__name__)
DATABASE = os.environ["BARE_REDEMPTIONS"]
POSTGRES = DATABASE.startswith("postgresql")
SIGN = "%s" if POSTGRES else "?"
LOOK = f"SELECT title, state, valid_until, member FROM coupons WHERE code = {SIGN}"
TAKE = f"UPDATE coupons SET state = 'redeemed' WHERE code = {SIGN} AND state = 'issued'"
KEEP = f"INSERT INTO redemptions (code, staff_id, nonce) VALUES ({SIGN}, {SIGN}, {SIGN})"
ADD = f"INSERT INTO coupons VALUES ({SIGN}, 'sample', 'issued', '2099-01-01', 'sample')"
TABLES = (
    "CREATE TABLE coupons (code TEXT PRIMARY KEY, title TEXT, state TEXT, valid_until TEXT, member TEXT)",
    "CREATE TABLE redemptions (code TEXT, staff_id INTEGER, nonce TEXT, UNIQUE (staff_id, nonce))",
)
own = threading.local()


def connect() -> Any:
    if POSTGRES:
        return psycopg.connect(DATABASE, autocommit=True)
    made = sqlite3.connect(DATABASE, isolation_level=None, timeout=15)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000"):
        made.execute(f"PRAGMA {pragma}")
    return made


def make_tables(coupons: int) -> None:
    """Called once, before the server starts."""
    connection = connect()
    for statement in TABLES:
        connection.execute(statement)
    connection.execute("BEGIN")
    connection.cursor().executemany(ADD, [(f"C{n}",) for n in range(coupons)])
    connection.execute("COMMIT")
    connection.close()


def mine() -> Any:
    if not hasattr(own, "connection"):
        own.connection = connect()
    return own.connection


@app.get("/")
def alive():
    return "ok"


@app.post("/preview")
def preview():
    row = mine().execute(LOOK, (request.form["code"],)).fetchone()
    return (f"<h1>{row[0]}</h1><p>{row[3]}</p>", 200) if row and row[1] == "issued" else ("no", 422)


@app.post("/redemptions")
def redeem():
    code, connection = request.form["code"], mine()
    connection.execute("BEGIN" if POSTGRES else "BEGIN IMMEDIATE")
    taken = connection.execute(TAKE, (code,)).rowcount == 1
    if taken:
        connection.execute(KEEP, (code, 1, code))
    connection.execute("COMMIT")
    return ("redeemed", 200) if taken else ("used", 422)
