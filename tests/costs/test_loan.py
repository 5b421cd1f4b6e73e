"""Loans against published figures, and what must hold for every loan."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.costs.rules.loan import Method, equal_instalment, half_up, lend

PERCENT = Fraction(1, 100)


@pytest.mark.parametrize(
    ("yuan", "rate", "months", "instalment"),
    [
        # Bank tables of 等额本息, for each 10,000 or 1,000,000 yuan.
        (1_000_000, Fraction("4.9") * PERCENT, 360, "5307.27"),
        (1_000_000, Fraction("4.9") * PERCENT, 240, "6544.44"),
        (10_000, Fraction("4.35") * PERCENT, 12, "853.10"),
        (10_000, Fraction("4.75") * PERCENT, 60, "187.57"),
        # By hand: 1,200 over 12 months without interest; 1,000 over one month at 12 %.
        (1_200, Fraction(0), 12, "100"),
        (1_000, 12 * PERCENT, 1, "1010"),
    ],
)
def test_equal_instalments_are_those_of_published_tables(yuan, rate, months, instalment):
    assert equal_instalment(yuan * 100, rate, months) == int(Decimal(instalment) * 100)


def test_three_instalments_by_hand():
    # 10,000 yuan, 12 % a year, 3 months: 10000·0.01·1.01³ ÷ (1.01³ − 1) = 3400.2211…
    loan = lend(1_000_000, 12 * PERCENT, 3, Method.EQUAL)
    rows = [(r.amount_fen, r.interest_fen, r.principal_fen, r.left_fen) for r in loan.schedule]
    assert rows == [
        (340_022, 10_000, 330_022, 669_978),
        (340_022, 6_700, 333_322, 336_656),
        (340_023, 3_367, 336_656, 0),
    ]
    assert loan.interest_fen == 20_067
    assert loan.apr == Decimal("12.00")


def test_interest_only_pays_the_principal_at_the_end():
    loan = lend(13_584_000, 4 * PERCENT, 36, Method.INTEREST_ONLY)
    assert {row.amount_fen for row in loan.schedule[:-1]} == {45_280}
    assert loan.last.amount_fen == 13_584_000 + 45_280
    assert loan.interest_fen == 36 * 45_280
    assert loan.apr == Decimal("4.00")


def test_a_fee_raises_the_apr_above_the_rate():
    # 2,000 of 100,000 is kept back: what arrives is worth what is paid back, at the APR and at no other rate.
    loan = lend(10_000_000, 12 * PERCENT, 12, Method.EQUAL, 200_000)
    assert loan.first.amount_fen == 888_488
    worth = sum(row.amount_fen / (1 + float(loan.apr) / 1200) ** row.number for row in loan.schedule)
    assert worth == pytest.approx(9_800_000, rel=5e-5)
    assert loan.apr > Decimal("15.5")


def test_a_loan_without_interest_has_no_apr():
    loan = lend(1_000_001, Fraction(0), 12, Method.EQUAL)
    assert loan.repaid_fen == 1_000_001
    assert loan.apr == Decimal("0.00")


@given(
    principal=st.integers(0, 10**12),
    rate=st.fractions(0, Fraction(36, 100), max_denominator=100_000),
    months=st.integers(1, 120),
    method=st.sampled_from(list(Method)),
)
def test_the_principal_repaid_is_exactly_the_principal_lent(principal, rate, months, method):
    loan = lend(principal, rate, months, method)
    assert len(loan.schedule) == months
    assert sum(row.principal_fen for row in loan.schedule) == principal
    assert loan.last.left_fen == 0
    assert all(row.amount_fen == row.principal_fen + row.interest_fen for row in loan.schedule)
    assert min(min(row.principal_fen, row.interest_fen, row.left_fen) for row in loan.schedule) >= 0
    owed = principal
    for row in loan.schedule:
        assert row.interest_fen == half_up(owed * rate / 12)
        owed -= row.principal_fen
        assert owed == row.left_fen


@given(rate=st.integers(0, 3600), months=st.sampled_from([12, 24, 36, 48, 60]))
def test_without_a_fee_the_apr_is_the_rate(rate, months):
    loan = lend(20_000_000, Fraction(rate, 10_000), months, Method.EQUAL)
    assert abs(loan.apr - Decimal(rate) / 100) <= Decimal("0.01")
