"""The tables: every state, every action; what earnest money may be; where a deal stands."""

import re
from datetime import timedelta
from pathlib import Path

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
        assert rules.NEXT_STEPS[state]
        assert state in rules.AHEAD
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


def test_terms_have_a_version_and_a_hash_of_their_text() -> None:
    one, other = rules.terms_for("订金", 100, 1000, ""), rules.terms_for("订金", 100, 1001, "")
    assert len(one.digest) == 64
    assert one.digest != other.digest
    assert one.version == f"{rules.TERMS_VERSION}-{one.digest[:12]}"
    assert one.version != other.version
    assert len(one.version) <= 24  # as wide as its column
