"""What leaves this room, and what it tells the members' room."""

from typing import cast

from flask import Flask, current_app

from app.core import outbox
from app.core.config import Settings
from app.core.db import db
from app.core.errors import GatewayError
from app.gateways.sms.port import SmsGateway, SmsLimited, SmsTemplate
from app.gateways.wechat.port import NotDelivered, Refused, WeChatGateway
from app.members import privacy
from app.members import queries as members
from app.members.rules import surely_not_sent
from app.messages.models import Delivery
from app.messages.services import deliveries, events, notices, personal


def send_notice(_key: str, payload: outbox.Payload) -> None:
    """One subscription notice to the member's WeChat identity of now."""
    delivery_id = int(payload["delivery_id"])
    found = _who(delivery_id)
    if found is None:
        deliveries.settle(delivery_id, "refused", "no_identity")
        return
    openid, template_id = found
    deliveries.attempt(
        delivery_id,
        lambda: _wechat().send_subscription(openid, template_id, str(payload["page"]), dict(payload["values"])),
    )


def _who(delivery_id: int) -> tuple[str, str] | None:
    row = db.session.get(Delivery, delivery_id)
    openid = members.find_openid(row.member_id, notices.app_id()) if row and row.member_id else None
    found = (openid, row.template_id) if row and openid else None
    db.session.rollback()  # ends the read: a call to WeChat follows
    return found


def send_customer_message(_key: str, payload: outbox.Payload) -> None:
    """One customer message within its window."""

    def send() -> str:
        _wechat().send_customer_text(str(payload["openid"]), str(payload["text"]))
        return ""

    deliveries.attempt(int(payload["delivery_id"]), send)


def send_text(key: str, payload: outbox.Payload) -> None:
    """One text message about something that matters."""
    gateway = cast(SmsGateway, current_app.extensions["sms"])

    def send() -> str:
        try:
            return gateway.send(SmsTemplate.NOTICE, str(payload["phone"]), list(payload["words"]), key=key)
        except SmsLimited as error:
            raise Refused(error.provider, error.code) from None
        except GatewayError as error:
            if surely_not_sent(error.code):
                raise NotDelivered(error.provider, error.code) from None
            raise

    deliveries.attempt(int(payload["delivery_id"]), send)


def _wechat() -> WeChatGateway:
    return cast(WeChatGateway, current_app.extensions["wechat"])


def register(app: Flask) -> None:
    """Called once by the factory."""
    settings = cast(Settings, app.config["SETTINGS"])
    notices.use_account(settings.wechat_app_id, settings.secret_key.get_secret_value(), settings.public_base_url)
    notices.use_text_messages(bool(settings.sms_template_notice))
    outbox.register(notices.NOTICE_TOPIC, send_notice)
    outbox.register(notices.SMS_TOPIC, send_text)
    outbox.register(notices.CUSTOMER_TOPIC, send_customer_message)
    outbox.register(events.TOPIC, events.process)
    privacy.register("messages", export=personal.export_own, erase=personal.erase_own, reassign=personal.reassign_own)
