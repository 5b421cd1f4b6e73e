"""What the outbox does for the payments, and what has to be right before they begin."""

from flask import Flask

from app.core import clock, outbox
from app.core.config import Settings
from app.gateways.pay import keys
from app.members import privacy
from app.payments.services import personal, refunds


def register(app: Flask) -> None:
    """Refunds leave through the outbox: after the commit, retried with their own number.

    In production a missing or wrong key file stops the start here, for the server, the worker and every command.
    """
    settings: Settings = app.config["SETTINGS"]
    if settings.production:
        keys.check_files(settings)

    def refund(_key: str, payload: outbox.Payload) -> None:
        refunds.send_refund(int(payload["refund_id"]), app.extensions["pay"], clock.now())

    outbox.register(refunds.TOPIC, refund)
    privacy.register(
        "payments",
        export=personal.export_own,
        erase=personal.erase_own,
        reassign=personal.reassign_own,
        blocks=personal.blocks,
        keeps=personal.KEEPS,
    )
