"""Table of what visitors tell us."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class Feedback(Model):
    """意见. `page` is the address it was written about, `request_id` the request that made that page.

    `topic` names the special page whose form was filled in; empty for 意见反馈 from the footer.
    """

    __tablename__ = "feedback"
    __table_args__ = (Index("ix_feedback_state_created", "state", "created_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(String(24), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    page: Mapped[str] = mapped_column(String(400), default="")
    topic: Mapped[str] = mapped_column(String(40), default="")
    request_id: Mapped[str] = mapped_column(String(32), default="")
    member_id: Mapped[int | None] = mapped_column(ForeignKey("members.id"), index=True)
    contact: Mapped[str] = mapped_column(String(60), default="")
    consented_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    idempotency_key: Mapped[str] = mapped_column(String(40), unique=True)
    state: Mapped[str] = mapped_column(String(16))
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
