"""审计: who did what to which thing, before and after, in the same transaction as the change."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Model, UtcDateTime, insert_rows, write_last
from app.core.security import Actor

BigId = BigInteger().with_variant(Integer, "sqlite")


class AuditEntry(Model):
    """One change. Never updated, never deleted; holds ids and states, no personal data."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_subject", "subject_kind", "subject_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int | None] = mapped_column(BigId)
    action: Mapped[str] = mapped_column(String(64))
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int | None] = mapped_column(BigId)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


AT_ONCE = 16  # rows of one statement


def record(actor: Actor, action: str, subject_kind: str, subject_id: int | None, **detail: Any) -> None:
    """Add an entry to the present transaction; written just before it is saved."""
    entry = {
        "at": clock.now(),
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "action": action,
        "subject_kind": subject_kind,
        "subject_id": subject_id,
        "detail": detail,
    }
    write_last(_write, entry)


def _write(entries: list[dict[str, Any]]) -> None:
    for start in range(0, len(entries), AT_ONCE):
        insert_rows(AuditEntry, entries[start : start + AT_ONCE])
