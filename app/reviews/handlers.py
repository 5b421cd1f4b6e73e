"""What the reviews tell the rooms below."""

from flask import Flask

from app.members import privacy
from app.reviews import queries, services


def register(_app: Flask) -> None:
    """Called once by the factory: a review is what a person said."""
    privacy.register("review", export=queries.export_own, erase=services.erase_own, reassign=services.reassign_own)
