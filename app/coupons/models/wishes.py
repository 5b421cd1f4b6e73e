"""Tables of the wishes: what people would like, grouped by headquarters, answered by a campaign."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class WishGroup(Model):
    """Wishes that ask for the same; answered once, by a campaign or in words."""

    __tablename__ = "wish_groups"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    title: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("coupon_campaigns.id"))
    answer: Mapped[str] = mapped_column(String(300), default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Wish(Model):
    """许愿: one member's wish. `text` is what the person wrote and goes when they take it back."""

    __tablename__ = "wishes"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'grouped', 'answered', 'declined', 'withdrawn')", name="state_known"),
        Index("ix_wishes_state", "state", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("coupon_campaigns.id"))  # its page
    group_id: Mapped[int | None] = mapped_column(ForeignKey("wish_groups.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    series_id: Mapped[int | None] = mapped_column(ForeignKey("series.id"))
    city: Mapped[str] = mapped_column(String(24), default="")
    text: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
