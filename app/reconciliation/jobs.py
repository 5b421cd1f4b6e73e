"""The nightly reconciliation."""

from flask import Flask

from app.core import clock, jobs
from app.reconciliation.services import reconcile

EVERY_SECONDS = 300  # a look at the table; the bills are fetched once they are due


def register(app: Flask) -> None:
    """After ten in the morning, Shanghai; tried again every half hour while there is no bill."""
    jobs.register(app, "reconcile_bills", EVERY_SECONDS, lambda: reconcile.nightly(app.extensions["pay"], clock.now()))
