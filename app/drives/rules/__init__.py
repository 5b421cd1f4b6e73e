"""What holds for test drives without asking anybody: `states`, `slots`, `agreement`."""

from app.drives.rules.agreement import AGREEMENT, AGREEMENT_VERSION, agreement_digest, is_drawing
from app.drives.rules.slots import (
    CELL,
    DEFAULT_LENGTH,
    LENGTHS,
    cells_of,
    starts_on,
    within,
)
from app.drives.rules.states import (
    BOOKED_AT_ONCE,
    MOVES,
    OPEN,
    STATE_WORDS,
    WAITING_WORD,
    DriveState,
    state_word,
)

__all__ = [
    "AGREEMENT",
    "AGREEMENT_VERSION",
    "BOOKED_AT_ONCE",
    "CELL",
    "DEFAULT_LENGTH",
    "LENGTHS",
    "MOVES",
    "OPEN",
    "STATE_WORDS",
    "WAITING_WORD",
    "DriveState",
    "agreement_digest",
    "cells_of",
    "is_drawing",
    "starts_on",
    "state_word",
    "within",
]
