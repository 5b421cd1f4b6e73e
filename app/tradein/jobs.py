"""Sweeps of the trade-in."""

from flask import Flask

from app.core import clock, jobs
from app.tradein import services


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "purge_estimates", 86400, lambda: services.purge(clock.now()))
