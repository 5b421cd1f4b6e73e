"""Background work of the catalog: pictures that came before their formats did."""

from flask import Flask, current_app

from app.catalog.services.pictures import derive_missing
from app.core import jobs


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "derive_pictures", 60, lambda: derive_missing(current_app.extensions["storage"]))
