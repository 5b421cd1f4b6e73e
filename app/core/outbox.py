"""发件箱: what has to leave the database, written in the same transaction as its reason.

Handlers are registered by topic by the factory. They are idempotent by `key`, retried with back-off up to a cap; a dead
row stays visible to the operator. The worker delivers; `wake` asks it to do so soon after a commit.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import JSON, Index, Integer, String, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.audit import BigId
from app.core.db import Model, UtcDateTime, after_commit, changed_rows, db, insert_new, transaction

Payload = dict[str, Any]
Handler = Callable[[str, Payload], None]

log = structlog.get_logger(__name__)
MAX_ATTEMPTS = 8
LEASE = timedelta(minutes=2)

_handlers: dict[str, Handler] = {}
_wakers: list[Callable[[], None]] = []


class OutboxMessage(Model):
    """One thing to do outside. `pending` → `sent`, or `dead` after the last try."""

    __tablename__ = "outbox_messages"
    __table_args__ = (Index("ix_outbox_messages_due", "state", "next_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    topic: Mapped[str] = mapped_column(String(48))
    key: Mapped[str] = mapped_column(String(96), unique=True)
    payload: Mapped[Payload] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(8), default="pending")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str] = mapped_column(String(200), default="")


def register(topic: str, handler: Handler) -> None:
    """Name the one function that does this topic."""
    _handlers[topic] = handler


def on_wake(waker: Callable[[], None]) -> None:
    """Set what asks the worker to deliver soon. Replaces an earlier one."""
    _wakers[:] = [waker]


def add(topic: str, key: str, payload: Payload, *, not_before: datetime | None = None) -> None:
    """Write a message into the present transaction, once for each `key`; a second call changes nothing."""
    now = clock.now()
    row = {"topic": topic, "key": key, "payload": payload, "next_at": not_before or now, "created_at": now}
    if insert_new(OutboxMessage, "key", row) is not None:
        after_commit(_wake)


def deliver_due(limit: int = 100) -> int:
    """Deliver what is due, oldest first; returns how many were sent. Safe in several processes at once."""
    sent = 0
    for message_id in _due_ids(limit):
        claimed = _claim(message_id)
        if claimed is not None:
            sent += _deliver(*claimed)
    return sent


def _wake() -> None:
    for waker in _wakers:
        waker()


def _due_ids(limit: int) -> list[int]:
    due = (
        select(OutboxMessage.id)
        .where(OutboxMessage.state == "pending", OutboxMessage.next_at <= clock.now())
        .order_by(OutboxMessage.id)
        .limit(limit)
    )
    ids = list(db.session.scalars(due))
    db.session.rollback()
    return ids


def _claim(message_id: int) -> tuple[int, str, str, Payload, int] | None:
    """Take the row for the length of a lease, so that a killed worker's message comes back by itself."""
    now = clock.now()
    with transaction():
        claim = (
            update(OutboxMessage)
            .where(OutboxMessage.id == message_id, OutboxMessage.state == "pending", OutboxMessage.next_at <= now)
            .values(next_at=now + LEASE, attempts=OutboxMessage.attempts + 1)
        )
        if changed_rows(claim) != 1:
            return None
        row = db.session.get_one(OutboxMessage, message_id, populate_existing=True)
        return row.id, row.topic, row.key, dict(row.payload), row.attempts


def _deliver(message_id: int, topic: str, key: str, payload: Payload, attempts: int) -> int:
    try:
        _handlers[topic](key, payload)
    except Exception as exc:
        log.warning("outbox_failed", topic=topic, message_id=message_id, attempts=attempts, error=type(exc).__name__)
        dead = attempts >= MAX_ATTEMPTS
        _settle(
            message_id,
            state="dead" if dead else "pending",
            next_at=clock.now() + timedelta(seconds=min(5 * 3 ** (attempts - 1), 3600)),
            last_error=f"{type(exc).__name__}: {getattr(exc, 'code', '')}"[:200],
        )
        return 0
    _settle(message_id, state="sent", sent_at=clock.now(), payload={})  # what was sent is not kept
    return 1


def _settle(message_id: int, **values: Any) -> None:
    with transaction():
        db.session.execute(update(OutboxMessage).where(OutboxMessage.id == message_id).values(**values))
