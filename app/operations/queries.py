"""What the database tells of the shop's health: readiness, late jobs, backlog, money by state."""

import functools
from dataclasses import dataclass
from datetime import datetime, timedelta

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.booking.models import Booking
from app.core import heartbeats
from app.core.config import ROOT
from app.core.db import db
from app.core.jobs import Job
from app.core.outbox import OutboxMessage
from app.ledger import queries as ledgers
from app.payments.models import Payment, Refund

# A job may take a while or wait for a restart before it counts as late.
GRACE = timedelta(minutes=2)
LEDGER_LATE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the shop stands on. Without a vital part it cannot serve; without another it only falls behind."""

    name: str
    ok: bool
    detail: str
    vital: bool = True


@dataclass(frozen=True, slots=True)
class Pulse:
    """A job's last run; None if it never ran."""

    job: str
    ran_at: datetime | None
    late: bool
    failing: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages that wait to leave, how long the oldest has been due, and those given up."""

    due: int
    oldest_seconds: float
    dead: int


def readiness(jobs: dict[str, Job], now: datetime) -> list[Part]:
    """The database answers, its tables are those of this code, and the worker lives."""
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            present = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as exc:
        return [Part("database", False, type(exc).__name__), Part("migrations", False, "unknown")]
    parts = [
        Part("database", True, db.engine.dialect.name),
        Part("migrations", present == migration_head(), present or "none"),
    ]
    return [*parts, _worker(jobs, now)] if parts[1].ok else parts


@functools.cache
def migration_head() -> str | None:
    """The newest migration of this code; reading the folder takes long and it does not change under a process."""
    return ScriptDirectory(str(ROOT / "migrations")).get_current_head()


def pulses(jobs: dict[str, Job], now: datetime) -> list[Pulse]:
    """Every registered job with its last run."""
    rows = heartbeats.listed()
    found: list[Pulse] = []
    for job in jobs.values():
        row = rows.get(job.name)
        allowed = timedelta(seconds=2 * job.every_seconds) + heartbeats.EVERY + GRACE
        ran_at = row.ran_at if row else None
        failing = row.error if row and row.failed_at and row.failed_at >= row.ran_at else ""
        found.append(Pulse(job.name, ran_at, ran_at is None or now - ran_at > allowed, failing))
    return found


def backlog(now: datetime) -> Backlog:
    """The outbox's state."""
    due = (OutboxMessage.state == "pending", OutboxMessage.next_at <= now)
    count, oldest = db.session.execute(select(func.count(), func.min(OutboxMessage.next_at)).where(*due)).one()
    dead = db.session.scalar(select(func.count()).where(OutboxMessage.state == "dead")) or 0
    return Backlog(count, max((now - oldest).total_seconds(), 0.0) if oldest else 0.0, dead)


@dataclass(frozen=True, slots=True)
class LedgerHealth:
    """What the last verification of each chain found, how many were not verified of late, and what stores object to."""

    chains: int
    problems: list[str]
    late: int
    objections: int


def ledger(now: datetime) -> LedgerHealth:
    """The ledger's state, as it was last verified."""
    chains = ledgers.list_chains()
    problems = [f"{one.name}：{problem}" for one in chains if one.check for problem in one.check.problems]
    late = sum(1 for one in chains if one.check is not None and now - one.check.checked_at > LEDGER_LATE)
    objections = sum(1 for close in ledgers.list_objections() if close.answered_at is None)
    return LedgerHealth(len(chains), problems, late, objections)


def states() -> dict[str, dict[str, int]]:
    """How many bookings, payments and refunds are in each state."""
    counted = {"bookings": Booking, "payments": Payment, "refunds": Refund}
    return {
        name: {row[0]: row[1] for row in db.session.execute(select(model.state, func.count()).group_by(model.state))}
        for name, model in counted.items()
    }


def _worker(jobs: dict[str, Job], now: datetime) -> Part:
    late = [pulse.job for pulse in pulses(jobs, now) if pulse.late]
    return Part("worker", not late, f"late: {', '.join(late)}" if late else "alive", vital=False)
