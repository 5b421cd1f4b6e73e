"""Tables of the payments. All money is integer fen, CNY."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime

_ASKED = text("next_query_at IS NOT NULL")


class Payment(Model):
    """One attempt to pay one thing (`payable_kind`, `payable_id`); at most one of them is open at any moment."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint("state IN ('created', 'pending', 'succeeded', 'closed')", name="state_known"),
        Index(
            "uq_payments_open_attempt",
            "payable_kind",
            "payable_id",
            unique=True,
            sqlite_where=text("state IN ('created', 'pending')"),
            postgresql_where=text("state IN ('created', 'pending')"),
        ),
        Index("ix_payments_payable", "payable_kind", "payable_id"),
        Index("ix_payments_next_query_at", "next_query_at", sqlite_where=_ASKED, postgresql_where=_ASKED),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    out_trade_no: Mapped[str] = mapped_column(String(32), unique=True)
    payable_kind: Mapped[str] = mapped_column(String(16))
    payable_id: Mapped[int] = mapped_column(BigId)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    app_id: Mapped[str] = mapped_column(String(32))
    mch_id: Mapped[str] = mapped_column(String(32))
    openid: Mapped[str] = mapped_column(String(64))
    description: Mapped[str] = mapped_column(String(127))
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="CNY")
    channel: Mapped[str] = mapped_column(String(8), default="jsapi")
    state: Mapped[str] = mapped_column(String(12))
    prepay_id: Mapped[str | None] = mapped_column(String(64))
    prepay_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    pay_url: Mapped[str | None] = mapped_column(String(512))  # h5_url or code_url, as old as prepay_at
    client_ip: Mapped[str | None] = mapped_column(String(45))  # H5 only, to repeat the order; gone once settled
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    transaction_id: Mapped[str | None] = mapped_column(String(40), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    succeeded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when we learnt of it
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when WeChat Pay took it: the day of its bill
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_query_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PaymentNotice(Model):
    """支付通知: evidence of what we were told and what we made of it; no personal data in clear.

    `body` is the request as it came: what it says is sealed in it with the APIv3 key (AES-256-GCM), and with `signed`,
    its signature headers, anybody who holds WeChat Pay's public key can verify it again.
    """

    __tablename__ = "payment_notices"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    notice_id: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    number: Mapped[str] = mapped_column(String(64), index=True)
    verdict: Mapped[str] = mapped_column(String(32))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    body: Mapped[str | None] = mapped_column(Text)
    body_sha256: Mapped[str | None] = mapped_column(String(64))
    signed: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Refund(Model):
    """退款: written before the call, always retried with the same number."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        UniqueConstraint("payment_id", "reason_code"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    out_refund_no: Mapped[str] = mapped_column(String(64), unique=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    reason_code: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(12))
    refund_id: Mapped[str | None] = mapped_column(String(40))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # WeChat Pay took it on: the day of its bill
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_query_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    reapplied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # an abnormal one, sent to a bank card
    handled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    handled_by: Mapped[int | None] = mapped_column(BigId)  # the operator
    handled_reason: Mapped[str | None] = mapped_column(String(200))


class PlatformCertificate(Model):
    """平台证书, downloaded: public by nature, opened with the APIv3 key."""

    __tablename__ = "platform_certificates"

    serial: Mapped[str] = mapped_column(String(64), primary_key=True)
    pem: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
