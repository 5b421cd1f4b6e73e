"""Tables of the members."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime

_VERIFIED = text("phone_verified_at IS NOT NULL")


class Member(Model):
    """会员. `session_version` goes up to sign a person out everywhere.

    `merged_into_id` names the account that took this one over; `erased_at` says that nobody is behind this row now.
    """

    __tablename__ = "members"
    __table_args__ = (
        Index(
            "ix_members_phone_tail",
            text("substr(phone, 8, 4)"),
            sqlite_where=_VERIFIED,
            postgresql_where=_VERIFIED,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    nickname: Mapped[str] = mapped_column(String(64), default="")
    name: Mapped[str] = mapped_column(String(40), default="")
    phone: Mapped[str | None] = mapped_column(String(11), index=True)
    phone_verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    session_version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_login_at: Mapped[datetime] = mapped_column(UtcDateTime)
    merged_into_id: Mapped[int | None] = mapped_column(BigId, index=True)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MemberAvatar(Model):
    """The picture a person agreed to show, kept small and by us: WeChat's address would tell WeChat who looks."""

    __tablename__ = "member_avatars"

    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EndedSession(Model):
    """A session that was signed out of: its cookie, copied before, opens nothing. Kept while such a cookie lives."""

    __tablename__ = "ended_sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class WeChatIdentity(Model):
    __tablename__ = "wechat_identities"
    __table_args__ = (UniqueConstraint("app_id", "openid"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    app_id: Mapped[str] = mapped_column(String(32))
    openid: Mapped[str] = mapped_column(String(64))
    unionid: Mapped[str | None] = mapped_column(String(64), index=True)


class LoginAttempt(Model):
    """One trip to WeChat and back: bound to one browser, one `state`, one code; dies after ten minutes."""

    __tablename__ = "login_attempts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    state: Mapped[str] = mapped_column(String(32), unique=True)
    browser_digest: Mapped[str] = mapped_column(String(64))
    return_path: Mapped[str] = mapped_column(String(400))
    scope: Mapped[str] = mapped_column(String(16))
    code_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    outcome: Mapped[str] = mapped_column(String(16), default="")
    member_id: Mapped[int | None] = mapped_column(ForeignKey("members.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PhoneCode(Model):
    """A verification code: six digits, five minutes, five tries. Only its keyed digest is kept.

    Without a member it was asked for to log in.
    """

    __tablename__ = "phone_codes"
    __table_args__ = (Index("ix_phone_codes_phone_sent", "phone_digest", "sent_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("members.id"), index=True)
    device_digest: Mapped[str | None] = mapped_column(String(64), index=True)
    phone_digest: Mapped[str] = mapped_column(String(64))
    address_digest: Mapped[str] = mapped_column(String(64), index=True)
    code_digest: Mapped[str] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Consent(Model):
    """One consent to one purpose, with the text agreed to (by hash), for one thing. Withdrawn, never deleted."""

    __tablename__ = "consents"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(32))
    text_version: Mapped[str] = mapped_column(String(24))
    text_hash: Mapped[str] = mapped_column(String(64))
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    subject: Mapped[str] = mapped_column(String(64), default="")
    reference: Mapped[str] = mapped_column(String(40), default="", server_default="")  # the one thing it is given for


class MemberMerge(Model):
    """Two accounts of one person became one; undone by support, never deleted."""

    __tablename__ = "member_merges"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    from_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    into_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    reason: Mapped[str] = mapped_column(String(120), default="")
    merged_at: Mapped[datetime] = mapped_column(UtcDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undo_reason: Mapped[str] = mapped_column(String(120), default="")


class MergedRow(Model):
    """One row that a merge touched: the values it had in the columns that changed, or all of them if it was removed."""

    __tablename__ = "merged_rows"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    merge_id: Mapped[int] = mapped_column(ForeignKey("member_merges.id"), index=True)
    table: Mapped[str] = mapped_column(String(64))
    key: Mapped[dict[str, Any]] = mapped_column(JSON)
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class ErasureRequest(Model):
    """A person asked to be forgotten: done once the days to think it over have passed and nothing runs any more."""

    __tablename__ = "erasure_requests"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
