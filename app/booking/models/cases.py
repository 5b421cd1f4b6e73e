"""What a person at headquarters decides, and what customers say afterwards."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.booking.models.bookings import Booking
from app.core.audit import BigId
from app.core.db import Model, UtcDateTime

_OPEN = text("state = 'open'")


class BookingCase(Model):
    """待办: a disputed or binding amount that no rule decides alone.

    `kind`: double_return (定金, the dealer broke its promise), forfeit (定金, the customer did), dispute (asked for by
    the customer), store_return (a balance paid in the store goes back in the store). `amount_fen` is what goes back to
    the customer when it is settled; `document` is the voucher of what WeChat Pay cannot send back.
    """

    __tablename__ = "booking_cases"
    __table_args__ = (
        CheckConstraint("kind IN ('double_return', 'forfeit', 'dispute', 'store_return')", name="kind_known"),
        CheckConstraint("state IN ('open', 'settled', 'refused')", name="state_known"),
        CheckConstraint("amount_fen IS NULL OR amount_fen >= 0", name="amount_not_negative"),
        Index("uq_booking_cases_open", "booking_id", "kind", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_booking_cases_state", "state", "opened_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(300), default="")
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_by: Mapped[str] = mapped_column(String(16))  # the kind of actor
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    answer: Mapped[str] = mapped_column(String(300), default="")
    document: Mapped[str] = mapped_column(String(60), default="", server_default="")
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_by: Mapped[int | None] = mapped_column(BigId)
    settled_by_kind: Mapped[str] = mapped_column(String(16), default="operator", server_default="operator")  # or staff

    booking: Mapped[Booking] = relationship()


class BookingReview(Model):
    """Reviews of a process of the release before, that still runs during an upgrade: `adopt_reviews` moves them.

    Reviews live in the room `reviews`; a later migration drops this table.
    """

    __tablename__ = "booking_reviews"
    __table_args__ = (
        CheckConstraint("car_stars BETWEEN 1 AND 5 AND dealer_stars BETWEEN 1 AND 5", name="stars_in_range"),
        Index("ix_booking_reviews_dealer", "dealer_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    trim_id: Mapped[int] = mapped_column(ForeignKey("trims.id"), index=True)
    car_stars: Mapped[int] = mapped_column(Integer)
    dealer_stars: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    hidden_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(String(500), default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
