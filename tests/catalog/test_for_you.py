"""适合你: goes by what the browser names and by nothing else, and says why."""

import re

import pytest

from app.catalog.suggesting import read_seen
from tests.catalog.test_list import CARS, fill
from tests.catalog.test_pages import statements
from tests.client import Shopper


@pytest.fixture
def shopper(app) -> Shopper:
    fill(
        [
            *CARS,
            ("g", "汽油", "中型SUV", 5, "在售", [(179_800, None)]),
            ("h", "纯电", "微型车", 4, "在售", [(50_000, 1)]),
        ]
    )
    return Shopper(app)


def told(fragment: str) -> list[tuple[str, str]]:
    return re.findall(r'<h3>岫 (\w)</h3>\n<p class="meta">([^<]*)</p>', fragment)


def test_says_three_others_and_why_the_most_alike_first(shopper):
    fragment = shopper.fragment("/series/for-you?seen=a")
    assert told(fragment) == [("G", "同为中型SUV · 价格接近岫 A"), ("C", "同为纯电"), ("H", "同为纯电")]
    assert "看过岫 A。" in fragment
    assert "清除" in fragment


def test_what_was_seen_is_not_suggested_and_each_reason_is_true_of_one_car(shopper):
    rows = dict(told(shopper.fragment("/series/for-you?seen=c,a")))
    assert {"A", "C"}.isdisjoint(rows)
    assert rows["G"] == "同为中型SUV · 价格接近岫 A"
    assert "价格接近岫 C" in rows["D"]


@pytest.mark.parametrize(
    "query", ["", "?seen=", "?seen=none", "?seen=f", "?seen=../a,<b>,A", "?seen=" + "x," * 5000, "?seen=A"]
)
def test_nothing_known_says_nothing(shopper, query):
    answer = shopper.http.get("/series/for-you" + query)
    assert (answer.status_code, answer.data) == (204, b"")


def test_at_most_four_different_ones_are_read():
    assert read_seen("a,a,b,%,c,d,e") == ["a", "b", "c", "d"]


def test_is_the_same_for_everyone_and_costs_one_statement(app, shopper):
    shopper.fragment("/series/for-you?seen=a")
    with statements(app) as asked:
        answer = shopper.http.get("/series/for-you?seen=a")
    assert len(asked) == 1
    assert "public" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/series?price=%00", "/series?page=1%00", "/compare?trims=%00", "/search?q=%00x", "/?for=%00"]
)
def test_a_value_that_no_text_can_hold_is_as_if_it_were_not_there(shopper, path):
    assert shopper.page(path) == shopper.page(path.partition("?")[0])
