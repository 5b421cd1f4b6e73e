"""What the ledger says: its rows and their hashes, what breaks a chain, what a day comes to. Pure."""

from app.ledger.rules.lines import (
    EVENT_WORDS,
    FORMAT,
    GENESIS,
    HEADQUARTERS,
    LedgerEvent,
    Line,
    canonical,
    digest,
    digest_of_fields,
    event_words,
    moment,
)

__all__ = [
    "EVENT_WORDS",
    "FORMAT",
    "GENESIS",
    "HEADQUARTERS",
    "LedgerEvent",
    "Line",
    "canonical",
    "digest",
    "digest_of_fields",
    "event_words",
    "moment",
]
