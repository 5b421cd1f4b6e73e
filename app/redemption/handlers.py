"""What the counter tells the rooms below."""

from datetime import datetime

from flask import Flask

from app.redemption.queries import visits
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
