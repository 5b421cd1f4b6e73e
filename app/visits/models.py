"""Tables of the visits: nothing in them says who somebody is."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class Visit(Model):
    """到访: a code's page was opened. `first_ref` names the first visit of the browser's chain: a person, roughly."""

    __tablename__ = "visits"
    __table_args__ = (Index("ix_visits_dealer_at", "dealer_id", "at"), Index("ix_visits_code_at", "code_id", "at"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ref: Mapped[str] = mapped_column(String(12), unique=True)
    first_ref: Mapped[str] = mapped_column(String(12))
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    # A row of the room above (instore), and the consultant whose card it is (staff): named, not held.
    code_id: Mapped[int] = mapped_column(BigId)
    staff_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class VisitCredit(Model):
    """归因: what came of a visit, and which one was the first of its chain."""

    __tablename__ = "visit_credits"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id"),
        Index("ix_visit_credits_last_ref", "last_ref"),
        Index("ix_visit_credits_dealer_at", "dealer_id", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(12))
    subject_id: Mapped[int] = mapped_column(BigId)
    # The store it belongs to, which need not be the one with the code; a coupon may belong to none.
    dealer_id: Mapped[int | None] = mapped_column(BigId)
    first_ref: Mapped[str] = mapped_column(String(12))
    last_ref: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
