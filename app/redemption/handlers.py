"""What the counter tells the rooms below."""

from collections.abc import Collection
from datetime import datetime
from functools import partial

from flask import Flask

from app.ledger import shown
from app.redemption.queries import KINDS, visits, words_of
from app.reviews import subjects
from app.reviews.rules import SubjectKind
from app.reviews.subjects import Visit


class RedeemedCoupon:
    """A redeemed coupon can be reviewed."""

    def find_visit(self, no: str, member_id: int, now: datetime) -> Visit | None:
        return visits.find_visit(no, member_id, now)


def register(_app: Flask) -> None:
    """Called once by the factory."""
    subjects.register(SubjectKind.REDEMPTION, RedeemedCoupon())
    for kind in KINDS:
        shown.register_numbers(kind, partial(_numbers, kind))


def _numbers(kind: str, ids: Collection[int]) -> dict[int, str]:
    """As they stand on receipts, so that a store finds a line of its day in its own list."""
    return {subject_id: words.no for subject_id, words in words_of(kind, ids).items()}
