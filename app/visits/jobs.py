"""Sweep of the visits."""

from flask import Flask

from app.core import clock, jobs
from app.visits import services


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "purge_visits", 86400, lambda: services.purge(clock.now()))
