"""Sweeps of the members."""

from flask import Flask

from app.core import clock, jobs
from app.members.services import purge_traces, run_erasures


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "purge_login_traces", 3600, lambda: purge_traces(clock.now()))
    jobs.register(app, "erase_members", 3600, lambda: run_erasures(clock.now()))
