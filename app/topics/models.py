"""Tables of the special pages. What is shown is always a version; what is being edited is the topic's draft."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class Topic(Model):
    """专题. `draft` is the list of blocks being worked on; `edits` counts saves, so two editors notice each other."""

    __tablename__ = "topics"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(40))
    description: Mapped[str] = mapped_column(String(160), default="")
    draft: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    edits: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))


class TopicVersion(Model):
    """One publication: content that never changes and its window [from_at, until_at).

    Of all versions whose window holds this moment and that were not taken down, the one that began last is shown. So a
    version for a weekend gives way to the one before it when the weekend is over.
    """

    __tablename__ = "topic_versions"
    __table_args__ = (
        UniqueConstraint("topic_id", "no"),
        CheckConstraint("until_at IS NULL OR until_at > from_at", name="window_has_length"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topics.id"))
    no: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(40))
    description: Mapped[str] = mapped_column(String(160), default="")
    blocks: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    from_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    taken_down_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    published_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
