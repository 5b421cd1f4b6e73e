"""A ledger with some rows in it; SAMPLE data made for tests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text

from app.core.db import db, transaction
from app.core.security import SYSTEM
from app.ledger.models import LedgerEntry, LedgerHead
from app.ledger.rules import LedgerEvent
from app.ledger.rules.closes import Signer
from app.ledger.services import append
from app.ledger.services.close import close_days
from app.ledger.services.verify import verify_chain

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SIGNER = Signer("test-secret-key-of-enough-length-0123456789")
CHAIN = 7


def fill(count: int, chain: int = CHAIN, since: datetime = NOON, event: LedgerEvent = LedgerEvent.REDEEMED) -> None:
    """So many rows in one transaction, a minute apart."""
    with transaction():
        for n in range(count):
            append(
                SYSTEM, event, "coupon", n + 1, since + n * MINUTE,
                dealer_id=chain, campaign="yx-c1", amount_fen=1001, dealer_permille=500,
            )  # fmt: skip


def close(now: datetime) -> int:
    return close_days(SIGNER, now)


def problems(chain: int = CHAIN) -> list[str]:
    found = verify_chain(chain, SIGNER).problems
    db.session.rollback()
    return found


def tamper(statement: str, **values: Any) -> None:
    """What somebody with the database in hand could do."""
    with transaction():
        db.session.execute(text(statement), values)


def numbers(chain: int = CHAIN) -> list[int]:
    db.session.rollback()
    return list(db.session.scalars(select(LedgerEntry.seq).where(LedgerEntry.chain == chain).order_by(LedgerEntry.seq)))


def head(chain: int = CHAIN) -> tuple[int, str] | None:
    db.session.rollback()
    row = db.session.get(LedgerHead, chain)
    return (row.seq, row.digest) if row else None


def count(model: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def rewrite(chain: int, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """Write a chain anew from changed rows (None drops one), hashes and head and all: the best a forger can do."""
    from app.ledger.queries import each_entry
    from app.ledger.rules import GENESIS, Line, digest

    lines = [{name: getattr(entry.line, name) for name in Line.__slots__} for entry in each_entry(chain)]
    kept = [line for line in map(change, lines) if line is not None]
    previous = GENESIS
    with transaction():
        db.session.query(LedgerEntry).filter_by(chain=chain).delete()
        for seq, line in enumerate(kept, 1):
            row = Line(**{**line, "seq": seq})
            db.session.add(LedgerEntry(**{**line, "seq": seq}, previous=previous, digest=digest(row, previous)))
            previous = digest(row, previous)
        db.session.query(LedgerHead).filter_by(id=chain).update({"seq": len(kept), "digest": previous})
