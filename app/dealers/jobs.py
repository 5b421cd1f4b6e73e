"""Sweeps of the dealers."""

from flask import Flask

from app.core import clock, jobs
from app.dealers.services import reviewing


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "publish_store_facts", 15, lambda: reviewing.publish_due(clock.now()))
