"""What may be reviewed, and the limits of what is said. Pure."""

import re
from enum import StrEnum
from typing import Final

MAX_TEXT: Final = 500
MAX_ANSWER: Final = 500
STARS: Final = range(1, 6)
ANSWERING: Final = frozenset({"supervisor", "manager"})  # whose word a store's one public answer is


class SubjectKind(StrEnum):
    """What a review hangs off."""

    BOOKING = "booking"
    DRIVE = "drive"
    REDEMPTION = "redemption"


KIND_WORDS: Final = {SubjectKind.BOOKING: "交车", SubjectKind.DRIVE: "试驾", SubjectKind.REDEMPTION: "到店用券"}


def clean(text: str, most: int = MAX_TEXT) -> str:
    """What was typed without control characters and without more than one empty line in a row."""
    kept = "".join(c for c in text.replace("\r\n", "\n") if c.isprintable() or c in "\n\u200d\ufe0f")
    return re.sub(r"\n{3,}", "\n\n", kept).strip()[:most]


def mask_name(name: str) -> str:
    """周*: enough to tell two people apart, not enough to know one; who gave no name is a 会员."""
    return name[:1] + "*" if name else "会员"
