"""Sweeps of the coupons."""

from flask import Flask

from app.core import clock, jobs
from app.core.security import SYSTEM
from app.coupons.services import giving_runs, reminders, state, ways


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "expire_coupons", 60, lambda: state.expire_due(SYSTEM, clock.now()))
    jobs.register(app, "give_lists", 5, lambda: giving_runs.work_off(clock.now()))
    jobs.register(app, "remind_coupons", 600, lambda: reminders.remind_due(clock.now()))
    jobs.register(app, "purge_claim_tries", 3600, lambda: ways.purge_tries(clock.now()))
