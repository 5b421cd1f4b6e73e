"""Tables of deals and bookings. Amounts are copied onto the booking when it is placed."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalog.models import Trim
from app.core.audit import BigId
from app.core.db import Model, UtcDateTime
from app.dealers.models import Dealer


class OnePriceDeal(Model):
    """一口价. `slug` is the workbook's 编号; window is half-open [starts_at, ends_at)."""

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
    queue_when_sold_out: Mapped[bool] = mapped_column(Boolean, default=False)
    withdrawn: Mapped[bool] = mapped_column(Boolean, default=False)

    trim: Mapped[Trim] = relationship()


class DealDealer(Model):
    """参与门店, used when not all."""

    __tablename__ = "deal_dealers"

    deal_id: Mapped[int] = mapped_column(ForeignKey("one_price_deals.id"), primary_key=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"), primary_key=True)


class Booking(Model):
    """预订单: one unit for one member at one dealer.

    `slot` numbers the member's places within the deal's per-person limit while the booking counts, and is NULL once it
    gave its unit back: the unique key makes the limit hold under parallel requests.
    """

    __tablename__ = "bookings"
    __table_args__ = (
        UniqueConstraint("deal_id", "member_id", "slot"),
        UniqueConstraint("member_id", "idempotency_key"),
        CheckConstraint("price_fen > 0 AND earnest_fen > 0", name="amounts_positive"),
        Index("ix_bookings_state_hold", "state", "hold_until"),
        Index("ix_bookings_dealer_state", "dealer_id", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(String(24), unique=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("one_price_deals.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    slot: Mapped[int | None] = mapped_column(Integer)
    idempotency_key: Mapped[str] = mapped_column(String(40))
    car_name: Mapped[str] = mapped_column(String(160))
    msrp_fen: Mapped[int] = mapped_column(BigInteger)
    price_fen: Mapped[int] = mapped_column(BigInteger)
    earnest_kind: Mapped[str] = mapped_column(String(8))
    earnest_fen: Mapped[int] = mapped_column(BigInteger)
    contact_name: Mapped[str] = mapped_column(String(40))
    contact_phone: Mapped[str] = mapped_column(String(11))
    terms_version: Mapped[str] = mapped_column(String(24))
    terms_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    hold_until: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state_at: Mapped[datetime] = mapped_column(UtcDateTime)

    deal: Mapped[OnePriceDeal] = relationship()
    dealer: Mapped[Dealer] = relationship()
    events: Mapped[list["BookingEvent"]] = relationship(order_by="BookingEvent.id")


class BookingEvent(Model):
    """One line of the timeline the customer reads."""

    __tablename__ = "booking_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(120), default="")
