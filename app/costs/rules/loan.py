"""Loans to the fen: 等额本息 and 先息后本, and the APR that all costs together come to.

Formulas: equal instalments A = P·r·(1+r)^n ÷ ((1+r)^n − 1) with r = annual rate ÷ 12, rounded half up to the fen once;
each month's interest is the remaining principal × r rounded to the fen; the last instalment pays whatever principal is
left, so that the principal repaid is exactly the principal lent. APR is the monthly internal rate of return × 12, as
the People's Bank's notice 2021 no. 3 asks for (单利); computed on what is really paid out and paid back.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum
from fractions import Fraction

from app.core.money import FEN_PER_WAN, FEN_PER_WAN_STEP, FEN_PER_YUAN


class Method(StrEnum):
    """还款方式"""

    EQUAL = "equal"
    INTEREST_ONLY = "interest"


def said_fen(fen: int) -> int:
    """An amount as a hint says it: up to the next yuan, above 1 万 to two decimals of 万; never below what is due."""
    step = FEN_PER_WAN_STEP if fen > FEN_PER_WAN else FEN_PER_YUAN
    return -(-fen // step) * step


METHOD_WORDS = {Method.EQUAL: "等额本息", Method.INTEREST_ONLY: "先息后本"}


@dataclass(frozen=True, slots=True)
class Instalment:
    """One month: what is paid, of which interest and principal, and what is still owed after it."""

    number: int
    amount_fen: int
    interest_fen: int
    principal_fen: int
    left_fen: int


@dataclass(frozen=True, slots=True)
class Loan:
    """A whole loan. `fee_fen` is paid once at the start; `apr_bp` in hundredths of a percent, two more digits kept."""

    principal_fen: int
    fee_fen: int
    method: Method
    schedule: tuple[Instalment, ...]
    apr: Decimal

    @property
    def first(self) -> Instalment:
        return self.schedule[0]

    @property
    def last(self) -> Instalment:
        return self.schedule[-1]

    @property
    def interest_fen(self) -> int:
        return sum(row.interest_fen for row in self.schedule)

    @property
    def repaid_fen(self) -> int:
        return sum(row.amount_fen for row in self.schedule)


def half_up(amount: Fraction) -> int:
    """Round to a whole fen, half up."""
    return int((amount + Fraction(1, 2)).__floor__())


def equal_instalment(principal_fen: int, annual_rate: Fraction, months: int) -> int:
    """The instalment of 等额本息, rounded to the fen."""
    rate = annual_rate / 12
    if not rate:
        return half_up(Fraction(principal_fen, months))
    # 60 digits are exact enough for any rounding to a fen, and fast where fractions would grow to thousands of digits.
    with localcontext(prec=60):
        r = Decimal(rate.numerator) / Decimal(rate.denominator)
        growth = (1 + r) ** months
        exact = principal_fen * r * growth / (growth - 1)
        return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def lend(principal_fen: int, annual_rate: Fraction, months: int, method: Method, fee_fen: int = 0) -> Loan:
    """The whole loan. `annual_rate` 1/25 is 4 %; `months` ≥ 1; `principal_fen` ≥ 0."""
    rows = _equal(principal_fen, annual_rate, months) if method is Method.EQUAL else []
    rows = rows or _interest_only(principal_fen, annual_rate, months)
    return Loan(principal_fen, fee_fen, method, tuple(rows), _apr(principal_fen - fee_fen, rows))


def _equal(principal_fen: int, annual_rate: Fraction, months: int) -> list[Instalment]:
    instalment, left = equal_instalment(principal_fen, annual_rate, months), principal_fen
    rows: list[Instalment] = []
    for number in range(1, months + 1):
        interest = half_up(left * annual_rate / 12)
        principal = left if number == months else min(left, max(instalment - interest, 0))
        left -= principal
        rows.append(Instalment(number, interest + principal, interest, principal, left))
    return rows


def _interest_only(principal_fen: int, annual_rate: Fraction, months: int) -> list[Instalment]:
    interest = half_up(principal_fen * annual_rate / 12)
    return [
        Instalment(n, interest + (principal_fen if n == months else 0), interest, *_ends(principal_fen, n == months))
        for n in range(1, months + 1)
    ]


def _ends(principal_fen: int, last: bool) -> tuple[int, int]:
    return (principal_fen, 0) if last else (0, principal_fen)


def _apr(received_fen: int, rows: list[Instalment]) -> Decimal:
    """Yearly percent, monthly internal rate × 12, by bisection, to two decimals. No loan, no rate."""
    if received_fen <= 0 or not any(row.amount_fen for row in rows):
        return Decimal(0)

    def worth(rate: float) -> float:
        return sum(row.amount_fen / (1 + rate) ** row.number for row in rows) - received_fen

    low, high = -0.05, 1.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if worth(middle) > 0 else (low, middle)
    return Decimal(str((low + high) / 2 * 1200)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP) + 0
