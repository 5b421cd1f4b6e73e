"""The tables: every state, every action; what earnest money may be; where a deal stands."""

import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.booking import rules
from app.booking.rules import BookingAction as A
from app.booking.rules import BookingState as S
from app.booking.rules import DealPhase, deal_phase, earnest_problem, earnest_rule, refundable, state_words, target
from tests.booking.shop import NOW

_ROW = r"^\| (\w+) \| (\w+) \|[^|]+\| (\w+) \|$"
BOOK = (Path(__file__).resolve().parents[2] / "docs" / "bookings.md").read_text("utf-8")
ALLOWED = {
    (S(before), A(action)): S(after) for before, action, after in re.findall(_ROW, BOOK, re.M) if before != "from"
}


def test_the_table_of_the_book_is_the_table_of_the_code() -> None:
    assert ALLOWED == rules.TRANSITIONS


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("action", A)
def test_every_pair_is_decided(state: S, action: A) -> None:
    assert target(state, action) == ALLOWED.get((state, action))


def test_every_state_and_event_has_its_words() -> None:
    for state in S:
        assert state_words(state, "订金")
    assert state_words(S.DEPOSIT_PAID, "定金") == "已付定金"  # the words are never swapped


@pytest.mark.parametrize(
    ("kind", "earnest", "fine"),
    [
        ("定金", 1_776_000, True),  # exactly a fifth of 88,800 yuan
        ("定金", 1_776_001, False),
        ("订金", 1_776_001, True),
        ("意向金", 8_880_000, True),
        ("订金", 8_880_001, False),
        ("订金", 0, False),
        ("押金", 100, False),
    ],
)
def test_binding_earnest_stops_at_a_fifth(kind: str, earnest: int, fine: bool) -> None:
    assert (earnest_problem(kind, earnest, 8_880_000) is None) is fine


def test_what_the_kinds_mean() -> None:
    assert refundable("订金")
    assert refundable("意向金")
    assert not refundable("定金")
    assert "双倍返还" in earnest_rule("定金")
    for kind in ("订金", "意向金"):
        assert earnest_rule(kind).startswith(kind)
        assert "全额原路退回" in earnest_rule(kind)


@pytest.mark.parametrize(
    ("starts", "ends", "left", "withdrawn", "phase"),
    [
        (0, 1, 1, False, DealPhase.RUNNING),
        (1, 2, 1, False, DealPhase.UPCOMING),
        (-1, 0, 1, False, DealPhase.ENDED),
        (-1, 1, 0, False, DealPhase.SOLD_OUT),
        (-1, 1, 1, True, DealPhase.ENDED),
    ],
)
def test_phases(starts: int, ends: int, left: int, withdrawn: bool, phase: DealPhase) -> None:
    window = NOW + timedelta(hours=starts), NOW + timedelta(hours=ends)
    assert deal_phase(*window, left, withdrawn, NOW) is phase


def offer(**changes: object) -> Any:
    """A deal as far as its terms are concerned."""
    values: dict[str, object] = {
        "earnest_kind": "订金", "earnest_fen": 100, "price_fen": 1000, "terms": "", "confirm_hours": 24,
        "ready_days": 30, "balance_starts_at": None, "balance_ends_at": None, **changes,
    }  # fmt: skip
    return SimpleNamespace(**values)


def test_terms_have_a_version_and_a_hash_of_their_text() -> None:
    one, other = rules.terms_of(offer()), rules.terms_of(offer(price_fen=1001))
    assert len(one.digest) == 64
    assert one.digest != other.digest
    assert one.version == f"{rules.TERMS_VERSION}-{one.digest[:12]}"
    assert one.version != other.version
    assert len(one.version) <= 24  # as wide as its column


@pytest.mark.parametrize(
    "change",
    [{"confirm_hours": 48}, {"ready_days": 7}, {"balance_ends_at": NOW}, {"earnest_kind": "定金"}, {"terms": "送保养"}],
)
def test_whatever_the_terms_promise_is_in_their_hash(change: dict[str, object]) -> None:
    assert rules.terms_of(offer()).version != rules.terms_of(offer(**change)).version


def test_the_terms_say_what_the_facts_say() -> None:
    """Cap, who breaks it and what follows, deadlines: one record, for the sentences and for machines."""
    binding = rules.promise_of(offer(earnest_kind="定金", earnest_fen=200, confirm_hours=12, ready_days=9)).facts()
    assert (binding["cap_fen"], binding["customer_breaks"], binding["dealer_breaks"]) == (200, "kept", "doubled")
    assert (binding["confirm_hours"], binding["ready_days"], binding["balance_fen"]) == (12, 9, 800)
    assert rules.promise_of(offer()).facts()["dealer_breaks"] == "returned"
    text = rules.terms_of(offer(earnest_kind="定金", earnest_fen=200, confirm_hours=12, ready_days=9)).text
    for words in ("12 小时内确认", "9 天内备好车", "另一倍由总部", "定金不予退还", "候补最前", "延长一次 10 分钟"):
        assert words in text
    assert "订金" not in text
    assert "定金" not in rules.terms_of(offer()).text
    assert "已是全款" in rules.terms_of(offer(earnest_fen=1000)).text
