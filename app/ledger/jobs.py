"""Sweeps of the ledger: close the days that are over, verify every chain once a day."""

from flask import Flask

from app.core import clock, jobs
from app.ledger.rules.closes import Signer
from app.ledger.services import close, verify

HALF_HOUR, HOUR = 1800, 3600


def register(app: Flask) -> None:
    """Called once by the factory."""
    signer = Signer(str(app.config["SECRET_KEY"]))
    jobs.register(app, "close_ledger_days", HALF_HOUR, lambda: close.close_days(signer, clock.now()))
    jobs.register(app, "verify_ledger", HOUR, lambda: verify.verify_daily(signer, clock.now()))
