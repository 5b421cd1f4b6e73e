"""What follows from a scan of our codes inside WeChat, and what the stores' lists say of the cars that stand there."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from flask import Flask

from app.core.config import Settings
from app.dealers import telling
from app.instore.queries import landing
from app.instore.services import scenes as own
from app.messages import scenes


def register(app: Flask) -> None:
    """Called once by the factory."""
    settings: Settings = app.config["SETTINGS"]
    page = str(settings.public_base_url)
    telling.register("stock", _tell_stock)
    scenes.register(own.PREFIX, lambda scan: own.answer(scan, page))


def _tell_stock(dealer_ids: Sequence[int], _now: datetime) -> Mapping[int, str]:
    return {dealer_id: f"现车 {count} 辆" for dealer_id, count in landing.count_ready(dealer_ids).items()}
