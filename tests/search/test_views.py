"""The search page: grouped, highlighted, right at once after publishing, a sentence for whatever is typed."""

import re
from datetime import timedelta

import pytest
import time_machine

from app.catalog.models import Series, Trim
from app.core import clock, publishing
from app.core.db import db, transaction
from tests.booking import shop
from tests.catalog.test_list import fill
from tests.catalog.test_pages import statements
from tests.client import Shopper


@pytest.fixture
def shopper(app) -> Shopper:
    shop.build()
    return Shopper(app)


def text(page: str) -> str:
    return re.sub(r"<[^>]+>", "", page)


@pytest.mark.parametrize("q", ["岫S5", "xiu", "xs5", "岫s5", "XIU S5", "xius5", "s5"])
def test_series_by_characters_pinyin_and_initials(shopper, q):
    page = shopper.page(f"/search?q={q}")
    assert 'href="/series/s5"' in page
    assert "<mark>" in page


def test_results_are_grouped(shopper):
    page = shopper.page("/search?q=s5")
    assert [h for h in re.findall(r"<h2>([^<]+)</h2>", page) if h in ("车型", "版本", "一口价", "门店")][:2] == [
        "车型",
        "版本",
    ]


def test_highlight_is_the_part_meant(shopper):
    assert "岫 <mark>S5</mark>" in shopper.page("/search?q=s5")


def test_slip_is_said(shopper):
    page = shopper.page("/search?q=xui")
    assert "没有完全一样的" in page
    assert 'href="/series/s5"' in page


def test_nothing_found_suggests_names_and_the_first_series(shopper):
    page = shopper.page("/search?q=s55555")
    assert "没有找到“s55555”" in page
    assert "推荐车型" in page
    assert 'href="/series/s5"' in page


@pytest.mark.parametrize(
    ("q", "says"),
    [
        ("岫" * 2000, "只按前 40 个字查找"),
        ("🚗🚗🚗", "请输入车型"),
        ("%20%20", "推荐车型"),
        ("", "推荐车型"),
        ("<script>alert(1)</script>", "没有找到"),
        ("'; DROP TABLE series;--", "没有找到"),
        ("a " * 300, "只按前 40 个字查找"),
        ("\u202e\u0301", "请输入车型"),
        ("%ff%fe", "推荐车型"),
    ],
)
def test_whatever_is_typed_gives_a_page(shopper, q, says):
    for page in (shopper.page(f"/search?q={q}"), shopper.fragment(f"/search?q={q}")):
        assert says in page or "没有找到" in page
        assert "<script>alert" not in page


def test_fragment_while_typing(shopper):
    part = shopper.fragment("/search?q=xiu")
    assert part.lstrip().startswith('<div id="found">')
    assert "<h1" not in part


def test_new_name_is_found_at_once_and_the_old_no_more(app, shopper):
    assert 'href="/series/s5"' in shopper.page("/search?q=xiu")
    with transaction():
        db.session.query(Series).one().name = "峰 S9"
        publishing.bump()
    assert "岫" not in text(shopper.page("/search?q=fengs9")).replace("云岫", "")
    assert 'href="/series/s5"' in shopper.page("/search?q=fs9")


def test_withdrawn_trim_is_not_found(app, shopper):
    with transaction():
        for trim in db.session.query(Trim):
            trim.status = "停售"
        publishing.bump()
    assert "版本" not in re.findall(r"<h2>([^<]+)</h2>", shopper.page("/search?q=s5"))


def test_deal_is_found_while_it_runs(app, shopper):
    shopper.page("/search?q=一口价")
    found = 'href="/deals/'
    assert found in shopper.page("/search?q=s5") or found in shopper.page("/search?q=一口价")
    with time_machine.travel(clock.now() + timedelta(days=4000), tick=False):
        assert found not in shopper.page("/search?q=s5")


@pytest.mark.both_databases
def test_five_statements_no_write(app, shopper):
    with transaction():
        publishing.bump()
    with statements(app) as seen:
        shopper.page("/search?q=xs5")
    assert all(s.lstrip().upper().startswith("SELECT") for s in seen)
    with statements(app) as again:
        shopper.page("/search?q=xius5")
    assert len(again) + 1 <= 5


def test_large_lineup_answers_every_query(app):
    fill([(f"s{n}", "纯电", "中型车", 5, "在售", [(150_000 + k, 500) for k in range(10)]) for n in range(300)])
    shopper = Shopper(app)
    for q in ("岫 S299", "xs299", "岫" * 2000, "abcdefgh" * 20, "0 版 2026"):
        shopper.page(f"/search?q={q}")
    assert 'href="/series/s299"' in shopper.page("/search?q=xs299")
