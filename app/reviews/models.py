"""The table of the reviews."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class Review(Model):
    """评价. `subject_kind` and `subject_id` name what it hangs off; `subject_no` is its number as people quote it.

    `author` is masked and `about` says what it was in words as of then, so that reading needs no room above.
    `car_stars` and `trim_id` are there where a car was handed over or driven.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id"),
        CheckConstraint("dealer_stars BETWEEN 1 AND 5", name="stars_in_range"),
        CheckConstraint("car_stars BETWEEN 1 AND 5", name="car_stars_in_range"),
        Index("ix_reviews_dealer", "dealer_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(16))
    subject_id: Mapped[int] = mapped_column(BigId)
    subject_no: Mapped[str] = mapped_column(String(40), default="")
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    trim_id: Mapped[int | None] = mapped_column(ForeignKey("trims.id"), index=True)
    author: Mapped[str] = mapped_column(String(12))
    about: Mapped[str] = mapped_column(String(160))
    dealer_stars: Mapped[int] = mapped_column(Integer)
    car_stars: Mapped[int | None] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    hidden_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(String(500), default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
