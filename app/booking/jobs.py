"""Sweeps of the bookings."""

from flask import Flask

from app.booking.services import release
from app.core import clock, jobs


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "expire_holds", 5, lambda: release.expire_holds(app.extensions["pay"], clock.now()))
