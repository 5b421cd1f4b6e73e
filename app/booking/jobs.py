"""Sweeps of the bookings."""

from flask import Flask

from app.booking.services import deadlines, queue, release, reminders, reviews
from app.core import clock, jobs


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "expire_holds", 5, lambda: release.expire_holds(app.extensions["pay"], clock.now()))
    jobs.register(app, "serve_queues", 5, lambda: queue.lapse_due(clock.now()))
    jobs.register(app, "warn_offers", 60, lambda: queue.warn_ending(clock.now()))
    jobs.register(app, "enforce_deadlines", 15, lambda: deadlines.enforce(app.extensions["pay"], clock.now()))
    jobs.register(app, "deal_reminders", 20, lambda: reminders.send_due(clock.now()))
    jobs.register(app, "adopt_reviews", 60, reviews.adopt_left_over)
    jobs.register(app, "ask_reviews", 3600, lambda: reminders.ask_reviews(clock.now()))
