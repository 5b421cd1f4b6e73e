"""Money is integer fen; this module turns it into the words a price tag may use, and back.

Nothing here rounds: a price that cannot be said exactly in 万 is said in full 元, because what
is shown must never be below what is payable. Pure, so ``rules`` may import it.
"""

import re
import unicodedata
from typing import Final, Literal, NamedTuple, NewType

Fen = NewType("Fen", int)
Unit = Literal["auto", "wan", "yuan"]

FEN_PER_YUAN: Final = 100
FEN_PER_WAN: Final = 10_000 * FEN_PER_YUAN
# Two decimals of 万 are steps of 100 元.
FEN_PER_WAN_STEP: Final = FEN_PER_WAN // 100

_YUAN = re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<part>\d{1,2}))?元?", re.ASCII)
_WAN = re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<part>\d{1,6}))?万元?", re.ASCII)


class PriceText(NamedTuple):
    """A price cut into what is set in large figures and the unit behind it."""

    number: str
    unit: str


def yuan(fen: int) -> str:
    """Say an amount in 元 with thousands separators: ``88,800``, with cents only when there are some."""
    sign = "-" if fen < 0 else ""
    whole, part = divmod(abs(fen), FEN_PER_YUAN)
    return f"{sign}{whole:,}.{part:02d}" if part else f"{sign}{whole:,}"


def is_exact_wan(fen: int) -> bool:
    """Tell whether two decimals of 万 say this amount exactly."""
    return fen % FEN_PER_WAN_STEP == 0


def wan(fen: int) -> str:
    """Say an amount in 万 with two decimals: ``16.98``; ValueError when that would not be exact."""
    if not is_exact_wan(fen):
        raise ValueError(f"{fen} fen is not a whole number of 100 yuan")
    sign = "-" if fen < 0 else ""
    whole, part = divmod(abs(fen) // FEN_PER_WAN_STEP, 100)
    return f"{sign}{whole:,}.{part:02d}"


def price_text(fen: int, unit: Unit = "auto") -> PriceText:
    """Choose number and unit for a price.

    ``auto`` says 万 from 10,000 元 up and only when exact; ``wan`` says 万 whenever exact (also
    below 1 万); ``yuan`` always says 元, which is what a payable amount asks for.
    """
    if unit != "yuan" and is_exact_wan(fen) and (unit == "wan" or abs(fen) >= FEN_PER_WAN):
        return PriceText(wan(fen), "万")
    return PriceText(yuan(fen), "元")


def format_price(fen: int, unit: Unit = "auto") -> str:
    """Say a price in running text: ``16.98万``, ``8,880元``."""
    text = price_text(fen, unit)
    return text.number + text.unit


def format_yuan(fen: int) -> str:
    """Say a payable amount in full with its sign: ``¥88,800``."""
    return f"-¥{yuan(-fen)}" if fen < 0 else f"¥{yuan(fen)}"


def format_range(low: int, high: int) -> str:
    """Say a range with an en dash and one unit, ``16.98–22.58万``; one price when both ends meet."""
    if low == high:
        return format_price(low)
    first, last = range_text(low, high)
    return f"{first.number}–{last.number}{last.unit}"


def range_text(low: int, high: int) -> tuple[PriceText, PriceText]:
    """Cut both ends of a range in the same unit: 万 only when both ends are exact in it."""
    if price_text(low).unit == price_text(high).unit:
        return price_text(low), price_text(high)
    return price_text(low, "yuan"), price_text(high, "yuan")


def spoken_price(fen: int, unit: Unit = "auto") -> str:
    """Say a price for a screen reader: ``16.98 万元``, ``8,880 元``."""
    text = price_text(fen, unit)
    return f"{text.number} {'万元' if text.unit == '万' else '元'}"


def parse_yuan(text: str) -> Fen:
    """Read what people type for money, ``1,234.50``, ``¥88,800`` or ``16.98万``, as exact fen.

    ValueError for anything else: a sign, a third decimal, thousands cut in the wrong place.
    Never passes through binary floating point.
    """
    cleaned = text.strip().replace("，", ",").removeprefix("¥").removeprefix("￥").strip()
    for pattern, scale in ((_WAN, FEN_PER_WAN), (_YUAN, FEN_PER_YUAN)):
        if match := pattern.fullmatch(cleaned):
            whole = int(match["whole"].replace(",", "")) * scale
            part = match["part"] or ""
            return Fen(whole + int(part or 0) * scale // 10 ** len(part))
    raise ValueError(f"not an amount of yuan: {text!r}")


def typed_yuan(text: str) -> Fen:
    """The same from a keyboard, full-width digits and blanks included: ``１７２８００``, ``172 800 元``. ValueError."""
    return parse_yuan("".join(unicodedata.normalize("NFKC", text).split()))
