"""Sweeps of the messages."""

from flask import Flask

from app.core import clock, jobs
from app.messages.services import deliveries, events


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "close_abandoned_messages", 600, lambda: deliveries.close_abandoned(clock.now()))
    jobs.register(app, "purge_push_events", 86400, lambda: events.purge_events(clock.now()))
