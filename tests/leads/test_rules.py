"""The leads' pure rules: promises, dispatch, honest comparison, what a text may hold."""

from datetime import date, datetime

import pytest

from app.dealers.hours import parse
from app.leads import rules
from app.leads.rules import Candidate, Offer

DAY = date(2026, 11, 22)
FULL = frozenset(rules.LANDING_NEEDS)


def test_a_promise_counts_the_hours_in_which_the_store_is_open():
    hours = parse("周一-周日 09:00-18:00；2026-11-23 休")
    assert rules.answer_by(hours, datetime(2026, 11, 21, 10, 0), 2) == datetime(2026, 11, 21, 12, 0)
    assert rules.answer_by(hours, datetime(2026, 11, 21, 17, 0), 2) == datetime(2026, 11, 22, 10, 0)
    assert rules.answer_by(hours, datetime(2026, 11, 22, 23, 0), 2) == datetime(2026, 11, 24, 11, 0)  # closed between
    assert rules.answer_by(parse(""), datetime(2026, 11, 22, 23, 0), 2) == datetime(2026, 11, 23, 1, 0)


def test_dispatch_weighs_way_load_and_promise_and_says_why():
    order = rules.dispatch([
        Candidate(1, 2_000, 4, 1, 2),  # near, but much waits: 2 + 8 + 10 + 2
        Candidate(2, 9_000, 0, 0, 2),  # 9 + 2
        Candidate(3, 9_000, 0, 0, 1),  # 9 + 1
    ])  # fmt: skip
    assert [choice.dealer_id for choice in order] == [3, 2, 1]
    assert order[2].reason == "距离 2.0km，承诺 2 小时内回复，待回复 4 条，超时 1 条"
    assert order[2].record.startswith("10km 以内，")  # what is kept does not say where somebody is
    assert [c.dealer_id for c in rules.dispatch([Candidate(9, None, 0, 0, 2), Candidate(4, None, 0, 0, 2)])] == [4, 9]


def test_only_what_means_the_same_is_compared():
    bare = Offer(1, "bare", 10_000_000, frozenset(), DAY)
    dear = Offer(2, "bare", 10_100_000, frozenset(), DAY)
    landing = Offer(3, "landing", 11_000_000, FULL, DAY)
    gone = Offer(4, "bare", 9_000_000, frozenset(), date(2026, 11, 21))
    gift = Offer(5, "bare", 9_900_000, frozenset({"gift"}), DAY)
    found = rules.compare([bare, dear, landing, gone], DAY)
    assert found[1].lowest
    assert found[1].sentence == "同口径报价中低 ¥1,000。"
    assert found[2].sentence == "同口径报价中高 ¥1,000。"
    assert not found[3].lowest
    assert "口径不同，不能直接比较" in found[3].sentence
    assert found[4].expired
    assert not found[4].lowest
    assert "多含精品礼包" in rules.compare([bare, gift], DAY)[5].sentence
    assert "不含精品礼包" in rules.compare([bare, gift], DAY)[1].sentence
    assert rules.compare([bare], DAY)[1].sentence == ""


@pytest.mark.parametrize("text", [
    "我的电话13900002086", "139 0000 2086", "１３９-0000-2086", "一三九零零零零二零八六", "+86 139.0000.2086",
])  # fmt: skip
def test_a_number_is_found_however_it_is_written(text: str):
    assert rules.holds_number(text)


def test_prices_and_dates_are_no_numbers():
    assert not any(rules.holds_number(text) for text in ("165800 元", "2026-11-22 14:00", "19 寸轮毂，13 扬声器", ""))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", " =cmd", "\t=x", "\r=1"])
def test_no_cell_of_an_export_is_a_formula(text: str):
    assert rules.csv_cell(text).startswith("'")


def test_what_has_ended_stays_so():
    for state in ("ordered", "closed", "stopped", "moved"):
        assert not any(rules.can_go(state, to) for to in rules.STAFF_WORDS)
    assert rules.can_go("new", "called")
    assert not rules.can_go("test_drive", "called")
