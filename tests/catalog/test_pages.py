"""The list and the model page: the same for everyone, five statements, no write, no error whatever is asked."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select

from app.catalog.models import Series, SpecItem, Trim
from app.catalog.rules import fit_words, key_specs
from app.core.db import db, transaction
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


def test_a_new_price_is_shown_at_once(app, shopper):
    before = shopper.http.get("/series/s5")
    with transaction():
        db.session.scalars(select(Series)).one().trims[0].msrp_fen = 9_990_000
    after = shopper.http.get("/series/s5", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert "9.99" in after.text


def test_withdrawn_series_leads_to_the_others(app, shopper):
    with transaction():
        db.session.scalars(select(Series)).one().status = "下架"
    assert "查看全部车型" in shopper.page("/series/s5", status=404)


@pytest.mark.parametrize(
    "query",
    ["?energy=核动力", "?energy=" + "x" * 2000, "?class=%20", "?energy=<script>", "?energy=纯电&energy=汽油", "?🚗=🚗"],
)
def test_absurd_filters_are_ignored(shopper, query):
    assert "岫 S5" in shopper.page(f"/series{query}")


@pytest.mark.parametrize(
    "query", ["?trim=none", "?colour=" + "x" * 500, "?trim='; DROP TABLE trims; --", "?trim=&colour="]
)
def test_unknown_choices_fall_back(shopper, query):
    assert "长续航版" in shopper.page(f"/series/s5{query}")


def test_cheapest_trim_is_specified_and_what_is_no_longer_sold_is_not_listed(app, shopper):
    with transaction():
        series = db.session.scalars(select(Series)).one()
        for slug, name, fen, status in (("s5-b", "入门版", 9_000_000, "在售"), ("s5-c", "旧款", 8_000_000, "停售")):
            trim = Trim(slug=slug, series_id=series.id, model_year="2026款", name=name, msrp_fen=fen, status=status)
            trim.position = 50
            db.session.add(trim)
            db.session.flush()
            db.session.add(SpecItem(trim_id=trim.id, group_name="车身", name="长", value="4631", unit="mm", position=1))
    page = shopper.page("/series/s5")
    assert "旧款" not in page
    assert '<span class="meta">入门版</span>' in page
    assert "9.00 至 10.58 万元" in page


@pytest.mark.parametrize(
    "path", ["/media/../x/1.webp", "/media/" + "a" * 64 + "/original.jpg", "/media/" + "a" * 64 + "/320.webp"]
)
def test_pictures_are_only_what_was_derived(shopper, path):
    assert shopper.http.get(path).status_code == 404


def test_filter_that_leaves_nothing_says_how_to_go_on(app, shopper):
    assert "查看全部车型" in shopper.page("/series?class=MPV")


def test_key_specs_take_the_first_three_a_car_has():
    values = {
        "长": ("4631", "mm"),
        "官方 0–100 km/h 加速": ("6.9", "s"),
        "CLTC 纯电续航": ("-", ""),
        "轴距": ("2760", "mm"),
    }
    assert key_specs(values) == [("0–100km/h", "6.9", "s"), ("车长", "4,631", "mm"), ("轴距", "2,760", "mm")]


@pytest.mark.parametrize(
    ("value", "words"), [("●", "标配"), ("-", "无"), ("○ 1500", "选配 ¥1,500"), ("○", "选配"), ("9.6", "9.6")]
)
def test_equipment_is_said_in_words(value, words):
    assert fit_words(value) == words
