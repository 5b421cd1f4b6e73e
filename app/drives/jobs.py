"""Sweeps of the test drives."""

from flask import Flask

from app.core import clock, jobs
from app.drives.services import answers, displaced, photos, sweeps


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "drive_reminders", 60, lambda: sweeps.remind(clock.now()))
    jobs.register(app, "drive_no_shows", 120, _over)
    jobs.register(app, "drive_slots", 120, lambda: displaced.settle(clock.now()))
    jobs.register(app, "drive_thanks", 300, lambda: answers.thank_due(clock.now()))
    jobs.register(app, "licence_photos", 300, lambda: photos.delete_due(clock.now()))
    jobs.register(app, "drive_contacts", 86400, lambda: sweeps.forget_contacts(clock.now()))


def _over() -> int:
    now = clock.now()
    return displaced.lapse_due(now) + sweeps.mark_no_shows(now) + sweeps.close_left_over(now)
