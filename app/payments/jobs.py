"""Sweeps of the payments."""

from flask import Flask

from app.core import clock, jobs
from app.payments.services import certificates, follow_up, refunds

SIX_HOURS = 6 * 3600  # WeChat Pay announces a new certificate a day before it signs with it


def register(app: Flask) -> None:
    """Ask WeChat Pay about what is open."""
    jobs.register(
        app, "follow_up_payments", 5, lambda: follow_up.follow_up_payments(app.extensions["pay"], clock.now())
    )
    jobs.register(app, "follow_up_refunds", 15, lambda: refunds.follow_up_refunds(app.extensions["pay"], clock.now()))
    jobs.register(
        app, "refresh_certificates", SIX_HOURS, lambda: certificates.refresh(app.extensions["pay"], clock.now())
    )
