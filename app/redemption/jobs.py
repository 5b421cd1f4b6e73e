"""Sweeps of the counter."""

from flask import Flask

from app.core import clock, jobs
from app.redemption.services.tries import purge_failures


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "purge_failed_scans", 86400, lambda: purge_failures(clock.now()))
