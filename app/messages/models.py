"""Tables of the messages. A follower is known by the keyed digest of the openid; the openid stays with the member."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class PushEvent(Model):
    """推送: one message or event of the official account. The unique digest of its identity makes it count once."""

    __tablename__ = "push_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(48))
    scene: Mapped[str] = mapped_column(String(64), default="")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    processed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Contact(Model):
    """关注者 or somebody who wrote: whether we may write back, and how often (48 hours, or a minute after a tap)."""

    __tablename__ = "wechat_contacts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    openid_digest: Mapped[str] = mapped_column(String(64), unique=True)
    following: Mapped[bool] = mapped_column(Boolean, default=False)
    followed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    scene: Mapped[str] = mapped_column(String(64), default="")
    wrote_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    wrote_left: Mapped[int] = mapped_column(Integer, default=0)
    tapped_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tapped_left: Mapped[int] = mapped_column(Integer, default=0)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NoticeConsent(Model):
    """订阅: one tap on 允许, good for one message. `used_by` is the business key of the message that used it."""

    __tablename__ = "notice_consents"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'used', 'withdrawn')", name="state_known"),
        UniqueConstraint("used_by"),
        Index("ix_notice_consents_open", "openid_digest", "template_id", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    openid_digest: Mapped[str] = mapped_column(String(64))
    template_id: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(12), default="open")
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    used_by: Mapped[str | None] = mapped_column(String(96))


class NoticeTemplate(Model):
    """模板: the approved template of a purpose; `fields` maps our words to the template's keys."""

    __tablename__ = "notice_templates"

    purpose: Mapped[str] = mapped_column(String(32), primary_key=True)
    template_id: Mapped[str] = mapped_column(String(64))
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class InboxMessage(Model):
    """站内消息: what 我的 → 消息 lists; once for each business key."""

    __tablename__ = "inbox_messages"
    __table_args__ = (Index("ix_inbox_messages_unread", "member_id", "read_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"))
    purpose: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(96), unique=True)
    title: Mapped[str] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(String(300))
    href: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Delivery(Model):
    """发送: one message that leaves the house, once for each business key and channel, with what became of it."""

    __tablename__ = "message_deliveries"
    __table_args__ = (
        UniqueConstraint("channel", "key"),
        CheckConstraint("state IN ('waiting', 'sending', 'sent', 'arrived', 'refused', 'unknown')", name="state_known"),
        Index("ix_message_deliveries_provider", "provider_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel: Mapped[str] = mapped_column(String(12))
    key: Mapped[str] = mapped_column(String(96))
    purpose: Mapped[str] = mapped_column(String(32))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("members.id"), index=True)
    template_id: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    result: Mapped[str] = mapped_column(String(64), default="")
    provider_id: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ReplyRule(Model):
    """自动回复: what the account answers at once to a word, a menu key, or a new follower."""

    __tablename__ = "reply_rules"
    __table_args__ = (
        CheckConstraint("kind IN ('text', 'click', 'follow')", name="kind_known"),
        UniqueConstraint("kind", "keyword"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    keyword: Mapped[str] = mapped_column(String(64), default="")
    answer: Mapped[str] = mapped_column(String(600))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
