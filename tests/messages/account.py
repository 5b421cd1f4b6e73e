"""An official account for tests of the messages: what it was told to send, and how it answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from app.core import outbox
from app.core.db import transaction
from app.gateways.wechat.push import push_signature
from app.members.models import Member, WeChatIdentity
from app.messages import queries
from app.messages.services import notices

APP_ID = "wxsandbox0000000001"
NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


class Account:
    """Counts what it is asked to send; `fails` raises instead."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, ...]] = []
        self.fails: Exception | None = None

    def _send(self, *what: str) -> str:
        self.sent.append(what)
        if self.fails:
            raise self.fails
        return f"m{len(self.sent)}"

    def send_subscription(self, openid: str, template_id: str, page: str, data: dict[str, str]) -> str:
        return self._send("notice", openid, template_id, page, *data.values())

    def send_customer_text(self, openid: str, text: str) -> None:
        self._send("customer", openid, text)

    def js_config(self, url: str) -> None:
        return None


def install(app: Flask) -> Account:
    account = Account()
    app.extensions["wechat"] = account
    return account


def member(openid: str = "openid-1", phone: str | None = None) -> int:
    with transaction() as session:
        row = Member(created_at=NOW, last_login_at=NOW, phone=phone, phone_verified_at=NOW if phone else None)
        session.add(row)
        session.flush()
        session.add(WeChatIdentity(member_id=row.id, app_id=APP_ID, openid=openid))
        return row.id


def digest(openid: str = "openid-1") -> str:
    return queries.openid_digest(notices.secret(), openid)


def deliver() -> int:
    return outbox.deliver_due()


def event(name: str, *, openid: str = "openid-1", at: int = 1762052400, **fields: Any) -> str:
    """A push as XML."""
    more = "".join(f"<{k}>{v}</{k}>" for k, v in fields.items())
    return (
        f"<xml><ToUserName>gh_1</ToUserName><FromUserName>{openid}</FromUserName><CreateTime>{at}</CreateTime>"
        f"<MsgType>event</MsgType><Event>{name}</Event>{more}</xml>"
    )


def text(content: str, *, openid: str = "openid-1", number: int = 1) -> str:
    return (
        f"<xml><ToUserName>gh_1</ToUserName><FromUserName>{openid}</FromUserName><CreateTime>1762052400</CreateTime>"
        f"<MsgType>text</MsgType><Content>{content}</Content><MsgId>{number}</MsgId></xml>"
    )


def address(now: datetime, token: str = "token") -> str:
    """The push address as WeChat would call it at this moment."""
    stamp = str(int(now.timestamp()))
    return f"/wechat/events?timestamp={stamp}&nonce=n1&signature={push_signature(token, stamp, 'n1')}"


Pusher = Callable[[str], Any]
