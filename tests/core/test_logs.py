"""Logs tell what happened and to whom not: names, phones and what a database quotes are masked."""

import json
from datetime import UTC, datetime

import pytest
import structlog
from flask import Flask
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from app.core import logs
from app.core.db import db, transaction
from app.members.models import Member

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
PHONE, NAME = "13900002086", "示例顾客甲"


def complain(capsys: pytest.CaptureFixture[str], error: BaseException) -> str:
    """The line that is written about an error."""
    logs.configure(production=False)  # to the stream that is read here
    structlog.get_logger().error("unexpected", exc_info=error)
    return capsys.readouterr().err


@pytest.mark.both_databases
def test_a_refused_row_is_not_quoted(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    bad = {"name": NAME, "phone": PHONE, "nickname": None, "created_at": NOW, "last_login_at": NOW}
    with pytest.raises(DBAPIError) as caught, transaction():
        db.session.execute(insert(Member).values(**bad))
    said = complain(capsys, caught.value)
    assert "IntegrityError" in json.loads(said)["exception"]
    assert NAME not in said
    assert PHONE not in said


@pytest.mark.both_databases
def test_parameters_of_a_failed_statement_stay_hidden(app: Flask) -> None:
    with pytest.raises(DBAPIError) as caught:
        db.session.execute(text("SELECT :name FROM nowhere"), {"name": NAME})
    assert NAME not in str(caught.value)


@pytest.mark.parametrize("number", [PHONE, f"+86{PHONE}", f"86{PHONE}"])
def test_a_phone_in_a_traceback_is_masked(capsys: pytest.CaptureFixture[str], number: str) -> None:
    said = complain(capsys, ValueError(f"cannot call {number}"))
    assert "ValueError" in said
    assert PHONE not in said
