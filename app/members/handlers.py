"""What leaves this room: verification codes by text message."""

from datetime import datetime
from typing import cast

import structlog
from flask import Flask, current_app

from app.core import clock, outbox
from app.core.errors import GatewayError
from app.gateways.sms.port import SmsGateway, SmsLimited, SmsTemplate
from app.members import rules
from app.members.services import SMS_TOPIC

log = structlog.get_logger(__name__)


def send_code(key: str, payload: outbox.Payload) -> None:
    """Send one code. A code that died in the queue is not sent: it would only confuse. Logs neither code nor phone.

    Tried again only when it surely was not sent: the provider sends the same text twice if asked twice. The person sees
    no message and asks for another code.
    """
    if datetime.fromisoformat(payload["expires_at"]) <= clock.now():
        log.warning("sms_code_expired", key=key)
        return
    gateway = cast(SmsGateway, current_app.extensions["sms"])
    minutes = str(int(rules.CODE_LIFE.total_seconds() // 60))
    try:
        gateway.send(SmsTemplate.VERIFICATION_CODE, payload["phone"], [payload["code"], minutes], key=key)
    except GatewayError as error:
        if isinstance(error, SmsLimited) or rules.surely_not_sent(error.code):
            raise
        log.error("sms_code_given_up", key=key, provider_error=error.code)


def register(app: Flask) -> None:
    """Called once by the factory."""
    outbox.register(SMS_TOPIC, send_code)
