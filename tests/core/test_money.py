"""Prices are said exactly or in full, and read back without floating point."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import money

AMOUNTS = st.integers(min_value=0, max_value=10**12)


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("0.01", 1),
        ("0.10", 10),
        ("19.99", 1999),
        ("1.10", 110),
        ("4.35", 435),
        ("1999", 199900),
        ("8.20", 820),
        ("1001.15", 100115),
        ("0.29", 29),
        ("298800.00", 29880000),
        ("1,234.50", 123450),
        ("1，234.5", 123450),
        (" ¥88,800 ", 8880000),
        ("￥1000元", 100000),
        ("16.98万", 16980000),
        ("16.98万元", 16980000),
        ("0.000001万", 1),
        ("12万", 12000000),
        ("1,234万", 1234000000),
    ],
)
def test_typed_amount_is_read_as_exact_fen(text: str, fen: int) -> None:
    assert money.parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "0.001",
        "-1",
        "+1",
        "1.",
        ".5",
        "1,23",
        "12,34.50",
        "1e3",
        "１２",
        "16.98 万",
        "1.2345678万",
        "万",
        "1 2",
        "nan",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        money.parse_yuan(text)


@pytest.mark.parametrize(
    ("fen", "said"),
    [(0, "0"), (1, "0.01"), (8880000, "88,800"), (123450, "1,234.50"), (-50000, "-500"), (-1, "-0.01")],
)
def test_yuan_has_separators_and_cents_only_when_there_are_some(fen: int, said: str) -> None:
    assert money.yuan(fen) == said


@pytest.mark.parametrize(
    ("fen", "said"), [(16980000, "16.98"), (1000000, "1.00"), (170000 * 10, "1.70"), (-1000000, "-1.00")]
)
def test_wan_has_two_decimals(fen: int, said: str) -> None:
    assert money.wan(fen) == said


def test_wan_refuses_an_amount_it_would_have_to_round() -> None:
    with pytest.raises(ValueError, match="100 yuan"):
        money.wan(16988800 + 1)


@pytest.mark.parametrize(
    ("fen", "unit", "said"),
    [
        (16980000, "auto", "16.98万"),
        (8888800, "auto", "88,888元"),
        (999900, "auto", "9,999元"),
        (1000000, "auto", "1.00万"),
        (300000, "auto", "3,000元"),
        (300000, "wan", "0.30万"),
        (8880000, "yuan", "88,800元"),
        (8888801, "wan", "88,888.01元"),
    ],
)
def test_price_says_wan_only_when_that_is_exact(fen: int, unit: money.Unit, said: str) -> None:
    assert money.format_price(fen, unit) == said


def test_payable_amount_is_said_in_full() -> None:
    assert money.format_yuan(8880000) == "¥88,800"
    assert money.format_yuan(-100000) == "-¥1,000"


def test_range_shares_one_unit() -> None:
    assert money.format_range(16980000, 22580000) == "16.98–22.58万"
    assert money.format_range(16980000, 16980000) == "16.98万"
    assert money.format_range(16980000, 22588800) == "169,800–225,888元"
    assert money.format_range(900000, 22580000) == "9,000–225,800元"


def test_spoken_price_names_the_unit_in_full() -> None:
    assert money.spoken_price(16980000) == "16.98 万元"
    assert money.spoken_price(300000) == "3,000 元"


@given(AMOUNTS)
def test_every_amount_said_is_read_back_unchanged(fen: int) -> None:
    assert money.parse_yuan(money.yuan(fen)) == fen
    assert money.parse_yuan(money.format_price(fen)) == fen
    assert money.parse_yuan(money.format_price(fen, "wan")) == fen


@pytest.mark.parametrize("text", ["１７２８００", "172 800 元", " ￥172,800", "１７.２８ 万", "172800元"])
def test_what_a_keyboard_makes_of_an_amount_is_understood(text: str) -> None:
    assert money.typed_yuan(text) == 17_280_000


@pytest.mark.parametrize("text", ["", "１２a", "-1", "1e9", "一万"])
def test_what_is_no_amount_stays_none(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        money.typed_yuan(text)
