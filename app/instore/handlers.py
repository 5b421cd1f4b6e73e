"""What follows from a scan of our codes inside WeChat."""

from flask import Flask

from app.core.config import Settings
from app.instore.services import scenes as own
from app.messages import scenes


def register(app: Flask) -> None:
    """Called once by the factory."""
    settings: Settings = app.config["SETTINGS"]
    page = str(settings.public_base_url)
    scenes.register(own.PREFIX, lambda scan: own.answer(scan, page))
