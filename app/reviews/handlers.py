"""What the reviews tell the rooms below."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from flask import Flask

from app.dealers import telling
from app.members import privacy
from app.reviews import queries, services


def register(_app: Flask) -> None:
    """Called once by the factory: a review is what a person said, and what a store is known by."""
    telling.register("rating", _tell_ratings)
    privacy.register("review", export=queries.export_own, erase=services.erase_own, reassign=services.reassign_own)


def _tell_ratings(dealer_ids: Sequence[int], _now: datetime) -> Mapping[int, str]:
    return {
        dealer_id: f"★{rating.stars}（{rating.count}）"
        for dealer_id, rating in queries.rate_dealers(dealer_ids).items()
    }
