"""Sweep of the calls."""

from flask import Flask

from app.core import clock, jobs
from app.instore.services import calls


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "purge_calls", 86400, lambda: calls.purge(clock.now()))
