"""What a store hands in for headquarters to look at, and what was published of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalog.models import Picture, Trim
from app.core.audit import BigId
from app.core.db import Model, UtcDateTime
from app.dealers.models.dealer import Dealer


class Submission(Model):
    """门店提交. waiting → approved | returned | withdrawn; approved facts are `applied_at` their time.

    `content` holds what the store proposes, for facts only what it changes; `before` what stood there when it was
    handed in. `target_id` is the activity or price it replaces or ends. Never deleted: the history of the store.
    """

    __tablename__ = "dealer_submissions"
    __table_args__ = (Index("ix_dealer_submissions_state", "state", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(String(24), unique=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))  # facts | activity | promo
    target_id: Mapped[int | None] = mapped_column(BigId)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    publish_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(String(200), default="")  # for headquarters alone
    state: Mapped[str] = mapped_column(String(10))
    idempotency_key: Mapped[str] = mapped_column(String(40), unique=True)
    submitted_by: Mapped[int | None] = mapped_column(BigId)  # of the staff
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[int | None] = mapped_column(BigId)  # of the operators
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(200), default="")  # why it was sent back
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    dealer: Mapped[Dealer] = relationship()


class DealerActivity(Model):
    """门店活动: approved words with their window. Shown from `shown_from` until `ends_at` or `ended_at`."""

    __tablename__ = "dealer_activities"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        Index("ix_dealer_activities_dealer", "dealer_id", "ends_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    submission_id: Mapped[int] = mapped_column(ForeignKey("dealer_submissions.id"), unique=True)
    title: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text, default="")
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("pictures.id"))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    shown_from: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    picture: Mapped[Picture | None] = relationship()


class PromoPrice(Model):
    """门店促销价: the price of one trim at one store in [starts_at, ends_at), shorter when it was ended before."""

    __tablename__ = "promo_prices"
    __table_args__ = (
        CheckConstraint("fen > 0", name="fen_positive"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        Index("ix_promo_prices_dealer_trim", "dealer_id", "trim_id", "ends_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    trim_id: Mapped[int] = mapped_column(ForeignKey("trims.id"), index=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("dealer_submissions.id"), unique=True)
    fen: Mapped[int] = mapped_column(BigInteger)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    conditions: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(60))

    trim: Mapped[Trim] = relationship()
