"""心跳: when each background job last ran, written by whoever ran it and read by readiness, doctor and metrics."""

from datetime import datetime, timedelta

from sqlalchemy import String, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Model, UtcDateTime, changed_rows, db, transaction

# A job that runs every second is not worth a write every second.
EVERY = timedelta(seconds=20)


class Heartbeat(Model):
    """One row for each job; `failed_at` and `error` are of its last failure."""

    __tablename__ = "heartbeats"

    job: Mapped[str] = mapped_column(String(48), primary_key=True)
    ran_at: Mapped[datetime] = mapped_column(UtcDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str] = mapped_column(String(80), default="", server_default="")


_written: dict[tuple[str, str], datetime] = {}


def beat(job: str, error: str = "") -> None:
    """The job ran just now; `error` names what it ended with. Success is written at most every twenty seconds."""
    now = clock.now()
    key = (str(db.engine.url), job)
    last = _written.get(key)
    if not error and last is not None and timedelta() <= now - last < EVERY:
        return
    values: dict[str, object] = {"failed_at": now, "error": error[:80]} if error else {"ran_at": now}
    try:
        with transaction():
            if changed_rows(update(Heartbeat).where(Heartbeat.job == job).values(**values)) == 0:
                db.session.add(Heartbeat(**{"job": job, "ran_at": now, "error": "", **values}))
    except IntegrityError:  # another worker wrote the first row
        return
    if not error:
        _written[key] = now


def listed() -> dict[str, Heartbeat]:
    """Every job's row by its name."""
    return {row.job: row for row in db.session.scalars(select(Heartbeat))}
