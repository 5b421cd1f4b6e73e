"""The queue of a sold-out deal."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime

_WHOSE = ("deal_id", "member_id")
_LIVING = text("state IN ('waiting', 'offered')")


class QueuePlace(Model):
    """候补: one member's place in the queue of one deal, ordered by (`claimed_at`, `id`).

    `claimed_at` is when the person first asked for a unit: for late money that is when the booking was placed, so it
    stands before everybody who came when nothing was left. An `offered` place owns one unit until `offer_until`.
    """

    __tablename__ = "queue_places"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'offered', 'booked', 'lapsed', 'left')", name="state_known"),
        Index(
            "uq_queue_places_living",
            "deal_id",
            "member_id",
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        ),
        Index("ix_queue_places_turn", "deal_id", "state", "claimed_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("one_price_deals.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    dealer_id: Mapped[int | None] = mapped_column(ForeignKey("dealers.id"))  # whose unit is offered
    state: Mapped[str] = mapped_column(String(8))
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    offered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    offer_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    booking_id: Mapped[int | None] = mapped_column(ForeignKey("bookings.id"))
    lead_dealer_id: Mapped[int | None] = mapped_column(ForeignKey("dealers.id"))  # may hear of it, by consent
    lead_consent: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
