"""What the outbox does for the payments."""

from flask import Flask

from app.core import clock, outbox
from app.payments.services import refunds


def register(app: Flask) -> None:
    """Refunds leave through the outbox: after the commit, retried with their own number."""

    def refund(_key: str, payload: outbox.Payload) -> None:
        refunds.send_refund(int(payload["refund_id"]), app.extensions["pay"], clock.now())

    outbox.register(refunds.TOPIC, refund)
