"""What a clerk types is looked up by index: written otherwise, every booking and member would be read, silently."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from app.booking.queries import list_by_phone_tail
from app.core.db import db
from app.redemption.queries import coupons

pytestmark = pytest.mark.both_databases


def test_the_last_four_of_a_phone_are_found_by_their_index(app: Flask) -> None:
    now, asked, sqlite = datetime.now(UTC), list[tuple[str, Any]](), db.engine.dialect.name == "sqlite"

    @event.listens_for(db.engine, "before_cursor_execute")
    def keep(_c: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        asked.append((statement, values))

    if not sqlite:
        db.session.execute(text("SET LOCAL enable_seqscan = off"))  # tables of this size are read whole
    list_by_phone_tail("1234", now)
    db.session.execute(coupons._BY_TAIL, {"tail": "1234", "since": now}).all()  # pyright: ignore[reportPrivateUsage]
    by_tail = [one for one in asked if "substr" in one[0]]
    assert len(by_tail) == 2
    for index, (statement, values) in zip(("ix_bookings_phone_tail", "ix_members_phone_tail"), by_tail, strict=True):
        explained = ("EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN ") + statement
        assert index in str(db.session.connection().exec_driver_sql(explained, values).fetchall()), index
