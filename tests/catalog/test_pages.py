"""The list and the model page: the same for everyone, five statements, no write, no error whatever is asked."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from app.catalog.rules import fit_words
from app.core.db import db
from tests.booking import shop
from tests.client import Shopper


@pytest.fixture
def shopper(app) -> Shopper:
    shop.build()
    return Shopper(app)


@contextmanager
def statements(app) -> Iterator[list[str]]:
    seen: list[str] = []

    def listen(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    yield seen
    event.remove(db.engine, "before_cursor_execute", listen)


@pytest.mark.parametrize("path", ["/", "/series", "/series/s5", "/dealers", "/dealers/west"])
def test_public_page_is_the_same_for_everyone_and_writes_nothing(app, shopper, path):
    shopper.page(path)
    with statements(app) as seen:
        answer = shopper.http.get(path)
    assert len(seen) <= 5, seen
    assert all(statement.lstrip().upper().startswith("SELECT") for statement in seen)
    assert "Set-Cookie" not in answer.headers
    assert "csrf" not in answer.text
    assert answer.headers["Cache-Control"].startswith("public")
    assert "HX-Request" in answer.headers["Vary"]
    again = shopper.http.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "query",
    ["?energy=核动力", "?energy=" + "x" * 2000, "?class=%20", "?energy=<script>", "?energy=纯电&energy=汽油", "?🚗=🚗"],
)
def test_absurd_filters_are_ignored(shopper, query):
    assert "岫 S5" in shopper.page(f"/series{query}")


@pytest.mark.parametrize(
    "path", ["/media/../x/1.webp", "/media/" + "a" * 64 + "/original.jpg", "/media/" + "a" * 64 + "/320.webp"]
)
def test_pictures_are_only_what_was_derived(shopper, path):
    assert shopper.http.get(path).status_code == 404


@pytest.mark.parametrize(
    ("value", "words"), [("●", "标配"), ("-", "无"), ("○ 1500", "选配 ¥1,500"), ("○", "选配"), ("9.6", "9.6")]
)
def test_equipment_is_said_in_words(value, words):
    assert fit_words(value) == words
