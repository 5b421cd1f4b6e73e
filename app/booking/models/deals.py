"""Tables of the one-price deals: the promise, who takes part, who wants to be reminded."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Integer, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalog.models import Trim
from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class OnePriceDeal(Model):
    """一口价. `slug` is the workbook's 编号; window is half-open [starts_at, ends_at).

    `units_left` counts what anybody may take; a unit offered to somebody in the queue is not among them. `waiting`
    counts the people in the queue who were offered nothing yet: while it is above 0 a free unit is theirs.
    The balance is paid from `balance_starts_at` until before `balance_ends_at`; without them any time.
    """

    __tablename__ = "one_price_deals"
    __table_args__ = (
        CheckConstraint("units_left >= 0 AND units_left <= units_total", name="units_within_total"),
        CheckConstraint("price_fen > 0", name="price_positive"),
        CheckConstraint("earnest_fen > 0 AND earnest_fen <= price_fen", name="earnest_within_price"),
        CheckConstraint("ends_at > starts_at", name="window_has_length"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    trim_id: Mapped[int] = mapped_column(ForeignKey("trims.id"), index=True)
    title: Mapped[str] = mapped_column(String(80))
    price_fen: Mapped[int] = mapped_column(BigInteger)
    earnest_kind: Mapped[str] = mapped_column(String(8))
    earnest_fen: Mapped[int] = mapped_column(BigInteger)
    units_total: Mapped[int] = mapped_column(Integer)
    units_left: Mapped[int] = mapped_column(Integer)
    per_person: Mapped[int] = mapped_column(Integer, default=1)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    all_dealers: Mapped[bool] = mapped_column(Boolean, default=True)
    terms: Mapped[str] = mapped_column(Text, default="")
    included: Mapped[str] = mapped_column(Text, default="", server_default="")
    excluded: Mapped[str] = mapped_column(Text, default="", server_default="")
    queue_when_sold_out: Mapped[bool] = mapped_column(Boolean, default=False)
    waiting: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    stock_by_dealer: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    confirm_hours: Mapped[int] = mapped_column(Integer, default=24, server_default="24")
    ready_days: Mapped[int] = mapped_column(Integer, default=30, server_default="30")
    balance_starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    balance_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_reason: Mapped[str] = mapped_column(String(120), default="", server_default="")
    withdrawn: Mapped[bool] = mapped_column(Boolean, default=False)

    trim: Mapped[Trim] = relationship()


class DealDealer(Model):
    """参与门店, used when not all. With `stock_by_dealer` each has units of its own, which add up to the deal's."""

    __tablename__ = "deal_dealers"
    __table_args__ = (
        CheckConstraint("units_left IS NULL OR (units_left >= 0 AND units_left <= units_total)", name="units_within"),
    )

    deal_id: Mapped[int] = mapped_column(ForeignKey("one_price_deals.id"), primary_key=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"), primary_key=True)
    units_total: Mapped[int | None] = mapped_column(Integer)
    units_left: Mapped[int | None] = mapped_column(Integer)


class DealReminder(Model):
    """开抢提醒: one wish of one member, answered once."""

    __tablename__ = "deal_reminders"

    deal_id: Mapped[int] = mapped_column(ForeignKey("one_price_deals.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
