"""The read side of the counter."""

from app.redemption.queries.receipts import (
    Line,
    Receipt,
    Standing,
    find_by_nonce,
    find_standing,
    get_receipt,
    is_undone,
    list_between,
    list_by_tail,
    list_for_office,
    list_today,
    receipt_of,
)
from app.redemption.queries.tallies import Tallies, count_today, list_failures_today, tally_today
from app.redemption.queries.words import KINDS, Words, spaced, words_of

__all__ = [
    "KINDS",
    "Line",
    "Receipt",
    "Standing",
    "Tallies",
    "Words",
    "count_today",
    "find_by_nonce",
    "find_standing",
    "get_receipt",
    "is_undone",
    "list_between",
    "list_by_tail",
    "list_failures_today",
    "list_for_office",
    "list_today",
    "receipt_of",
    "spaced",
    "tally_today",
    "words_of",
]
