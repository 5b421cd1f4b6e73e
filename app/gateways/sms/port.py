"""What the rooms know of text messages."""

from enum import StrEnum
from typing import Protocol

from app.core.errors import GatewayError

PROVIDER = "sms"


class SmsTemplate(StrEnum):
    """The texts we send; the provider knows their approved wording."""

    VERIFICATION_CODE = "verification_code"
    NOTICE = "notice"


class SmsLimited(GatewayError):
    """The provider sends no more messages to this number for now."""


class SmsGateway(Protocol):
    """Sends one text message to one mainland mobile number."""

    def send(self, template: SmsTemplate, phone: str, params: list[str], *, key: str) -> str:
        """The provider's message id. GatewayError, SmsLimited.

        `key` names our own record and travels along for tracing. The provider does not deduplicate: after a
        time-out the message may have been sent, so record the key first and send once per key.
        """
        ...
