"""核销记录: who redeemed what, where, when; and what was refused."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class Redemption(Model):
    """One redemption. `nonce` makes the retry of a lost answer show the same success."""

    __tablename__ = "redemptions"
    __table_args__ = (
        UniqueConstraint("staff_id", "nonce"),
        Index(
            "uq_redemptions_standing_subject",
            "subject_kind",
            "subject_id",
            unique=True,
            sqlite_where=text("undone_at IS NULL"),
            postgresql_where=text("undone_at IS NULL"),
        ),
        Index("ix_redemptions_dealer_at", "dealer_id", "redeemed_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(16))
    subject_id: Mapped[int] = mapped_column(BigId)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    nonce: Mapped[str] = mapped_column(String(40))
    previous_state: Mapped[str] = mapped_column(String(16))
    redeemed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    undo_reason: Mapped[str] = mapped_column(String(120), default="")
    amount_fen: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")  # what a coupon was worth
    bill_fen: Mapped[int | None] = mapped_column(BigInteger)  # 消费金额, where the coupon's terms ask for it
    phone_id: Mapped[int | None] = mapped_column(BigId)  # the counter's shared phone, if it was one


class FailedScan(Model):
    """One refusal at the counter, by its machine code. Nothing of what was scanned: no code, no phone, no person."""

    __tablename__ = "failed_scans"
    __table_args__ = (Index("ix_failed_scans_dealer_at", "dealer_id", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    phone_id: Mapped[int | None] = mapped_column(BigId)
    step: Mapped[str] = mapped_column(String(8))  # preview, confirm
    reason: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
