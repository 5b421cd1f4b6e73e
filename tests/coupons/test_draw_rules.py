"""A draw that anybody can recompute: whatever is changed afterwards is found."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.coupons.rules.draws import (
    DISCLOSURES,
    Entry,
    Prize,
    Promise,
    commitment_of,
    legal_problems,
    rank,
    root_of,
    verify,
)

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SEED = "5e" * 32
PROMISE = Promise(
    draw="yx-c-draw",
    prizes=(Prize("保养一次", 68_000, 2),),
    fee_fen=100,
    opens_at=NOW,
    closes_at=NOW + timedelta(days=5),
    draws_at=NOW + timedelta(days=6),
    beacon_source="双色球第 2026130 期开奖号码",
    commitment=commitment_of(SEED),
    disclosures=dict.fromkeys(DISCLOSURES, "样例"),
)
ENTRIES = [Entry(n, f"T{n:04}", NOW + timedelta(minutes=n)) for n in range(1, 8)]
ROOT = root_of(PROMISE, ENTRIES)
BEACON = "01 07 09 16 22 30 + 11"
WINNERS = rank(SEED, ROOT, BEACON, [entry.ticket for entry in ENTRIES])[:2]


def check(
    promise: Promise = PROMISE, entries: list[Entry] = ENTRIES, seed: str = SEED, beacon: str = BEACON
) -> list[str]:
    return verify(promise, entries, root=ROOT, seed=seed, beacon=beacon, winners=WINNERS)


def test_the_result_is_what_anybody_recomputes() -> None:
    assert check() == []
    assert len(set(WINNERS)) == 2


def test_a_published_example_stays_what_it_is() -> None:
    """The scores written out: HMAC-SHA256 over root, public number and ticket, the lowest first."""
    scores = {
        entry.ticket: hmac.new(b"\x5e" * 32, f"{ROOT}|{BEACON}|{entry.ticket}".encode(), hashlib.sha256).hexdigest()
        for entry in ENTRIES
    }
    assert sorted(scores, key=lambda ticket: scores[ticket])[:2] == WINNERS


@pytest.mark.parametrize(
    "change",
    [
        lambda p: replace(p, prizes=(Prize("保养一次", 68_000, 3),)),
        lambda p: replace(p, prizes=(Prize("保养两次", 68_000, 2),)),
        lambda p: replace(p, fee_fen=99),
        lambda p: replace(p, closes_at=p.closes_at + timedelta(seconds=1)),
        lambda p: replace(p, beacon_source="别的号码"),
        lambda p: replace(p, disclosures={**p.disclosures, "forfeiture": "改了"}),
    ],
)
def test_a_promise_changed_afterwards_is_found(change: Callable[[Promise], Promise]) -> None:
    assert "参与名单或活动承诺被改动过" in check(promise=change(PROMISE))


@pytest.mark.parametrize(
    "entries",
    [
        ENTRIES[:-1],
        ENTRIES[1:],
        [*ENTRIES, Entry(8, "T0008", NOW)],
        [ENTRIES[1], ENTRIES[0], *ENTRIES[2:]],
        [replace(ENTRIES[0], ticket="T9999"), *ENTRIES[1:]],
        [replace(ENTRIES[0], at=NOW), *ENTRIES[1:]],
    ],
)
def test_an_entry_added_removed_moved_or_changed_is_found(entries: list[Entry]) -> None:
    assert "参与名单或活动承诺被改动过" in check(entries=entries)


def test_another_seed_or_number_is_found() -> None:
    assert check(seed="00" * 32) == ["种子与开奖前公布的指纹不一致", "中奖名单与重新计算的结果不一致"]
    assert check(beacon="01 02 03") == ["中奖名单与重新计算的结果不一致"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("ABCDEFGHJK", min_size=4, max_size=8), unique=True, max_size=30), st.randoms())
def test_the_order_of_the_list_gives_nobody_an_advantage(tickets: list[str], chance: Random) -> None:
    before = rank(SEED, ROOT, BEACON, tickets)
    chance.shuffle(tickets)
    assert rank(SEED, ROOT, BEACON, tickets) == before


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"fee_fen": 101}, "1 元必退"),
        ({"fee_fen": 0}, "1 元必退"),
        ({"prizes": (Prize("整车", 50_000_01, 1),)}, "反不正当竞争法：最高奖金额"),
        ({"prizes": ()}, "奖品公示"),
        ({"disclosures": {}}, "规范促销行为暂行规定：事先公示"),
        ({"draws_at": NOW}, "开奖时间"),
        ({"beacon_source": " "}, "可验证开奖"),
    ],
)
def test_an_unlawful_draw_is_named_with_its_rule(change: dict[str, Any], rule: str) -> None:
    assert legal_problems(PROMISE) == []
    assert [name for name, _text in legal_problems(replace(PROMISE, **change))] == [rule]
