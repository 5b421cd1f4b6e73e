"""Tables of the draws: what was promised before the opening, who entered, what came out."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class Draw(Model):
    """夺券: a provably fair draw for the coupons of one campaign; entries are open in the campaign's claim window.

    `commitment` is SHA-256(seed) and stands on the page before the first entry; `seed` is shown when it is drawn.
    `beacon_source` says in advance which public number is mixed in, `beacon` is that number.
    `root` is the hash of the last entry. `disclosures` are the eleven things the law wants said before. The window
    [opens_at, closes_at) is part of the promise and stays what it was, whatever becomes of the campaign.
    """

    __tablename__ = "draws"
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'open', 'closed', 'drawn', 'void')", name="state_known"),
        CheckConstraint("fee_fen > 0", name="fee_positive"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("coupon_campaigns.id"), unique=True)
    fee_fen: Mapped[int] = mapped_column(BigInteger, default=100)
    winners: Mapped[int] = mapped_column(Integer)
    prizes: Mapped[dict[str, Any]] = mapped_column(JSON)
    disclosures: Mapped[dict[str, Any]] = mapped_column(JSON)
    commitment: Mapped[str] = mapped_column(String(64))
    seed: Mapped[str] = mapped_column(String(64))
    beacon_source: Mapped[str] = mapped_column(String(200))
    beacon: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(8))
    entries: Mapped[int] = mapped_column(Integer, default=0)
    root: Mapped[str] = mapped_column(String(64))
    opens_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closes_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    draws_at: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    drawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    void_reason: Mapped[str] = mapped_column(String(120), default="", server_default="")


class DrawEntry(Model):
    """One person's one entry. `ticket` is what the public list shows; `digest` chains it to the entry before.

    `kind` free or paid; a paid one waits (`seq` is NULL) until its payment is in, and its fee always goes back:
    `refund_at` is when that was asked for, `returned_at` when it was back.
    """

    __tablename__ = "draw_entries"
    __table_args__ = (
        UniqueConstraint("draw_id", "member_id"),
        UniqueConstraint("draw_id", "seq"),
        UniqueConstraint("draw_id", "ticket"),
        CheckConstraint("kind IN ('free', 'paid')", name="kind_known"),
        CheckConstraint("state IN ('waiting', 'entered', 'void')", name="state_known"),
        Index("ix_draw_entries_state", "draw_id", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    draw_id: Mapped[int] = mapped_column(ForeignKey("draws.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    kind: Mapped[str] = mapped_column(String(4))
    state: Mapped[str] = mapped_column(String(8))
    seq: Mapped[int | None] = mapped_column(Integer)
    ticket: Mapped[str] = mapped_column(String(24))
    previous: Mapped[str | None] = mapped_column(String(64))
    digest: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    entered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rank: Mapped[int | None] = mapped_column(Integer)
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupons.id"))
    refund_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    returned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
