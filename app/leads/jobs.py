"""Sweeps of the leads."""

from flask import Flask

from app.core import clock, jobs
from app.leads.services import displaced, escalation, limits, number


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "escalate_leads", 60, lambda: escalation.escalate_due(clock.now()))
    jobs.register(app, "tell_taken_back_numbers", 30, lambda: number.tell_withdrawals(clock.now()))
    jobs.register(app, "leads_of_closed_stores", 120, lambda: displaced.settle(clock.now()))
    jobs.register(app, "purge_lead_tries", 86400, lambda: limits.purge_tries(clock.now()))
