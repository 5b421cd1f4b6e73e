"""`python -m bench.ledger`: verifying a chain, against a bare loop of SHA-256 over the same bytes.

Level: ≥ 50,000 rows a second of this process's CPU on SQLite (a verification waits for nobody, and other programs make
the clock swing); the ratio to the bare loop and the memory it took are printed beside it.
"""

import hashlib
import resource
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import report

ROWS, ROUNDS, CHAIN = 200_000, 3, 7
LIMIT = 50_000


def fill(rows: int) -> list[bytes]:
    """A chain of so many rows, written past the services; the bytes of each row as they are hashed."""
    from sqlalchemy import insert

    from app.core.db import transaction
    from app.ledger.models import LedgerEntry, LedgerHead
    from app.ledger.rules import GENESIS, Line, canonical

    begun, previous = datetime(2026, 1, 1, tzinfo=UTC), GENESIS
    texts: list[bytes] = []
    with transaction() as session:
        for piece in range(0, rows, 5000):
            values: list[dict[str, object]] = []
            for seq in range(piece + 1, piece + 5001):
                at = begun + timedelta(milliseconds=217 * seq)
                line = Line(CHAIN, seq, at, "redeemed", f"coupon:{seq}", "yx-c-new", 300_000, 500, "staff:3")
                texts.append(canonical(line, previous))
                latest = hashlib.sha256(texts[-1]).hexdigest()
                row = {name: getattr(line, name) for name in Line.__slots__}
                values.append({**row, "previous": previous, "digest": latest})
                previous = latest
            session.execute(insert(LedgerEntry), values)
        session.add(LedgerHead(id=CHAIN, seq=rows, digest=previous))
    return texts


def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="zhanting-bench-") as name:
        from flask_migrate import upgrade

        from app.core.config import load_settings
        from app.core.db import db
        from app.factory import create_app
        from app.ledger.rules.closes import Signer
        from app.ledger.services.verify import verify_chain

        with create_app(load_settings(database_url=f"sqlite:///{Path(name) / 'shop.db'}")).app_context():
            upgrade()
            texts, signer = fill(ROWS), Signer("bench")
            bare: list[float] = []
            ours: list[float] = []
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for _ in range(ROUNDS):
                begun = time.process_time()
                for text in texts:
                    hashlib.sha256(text).hexdigest()
                bare.append(ROWS / (time.process_time() - begun))
                begun = time.process_time()
                found = verify_chain(CHAIN, signer)
                ours.append(ROWS / (time.process_time() - begun))
                if found.problems or found.rows != ROWS:
                    raise RuntimeError(f"the chain does not hold: {found.problems}")
                db.session.rollback()
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            db.session.remove()
            db.engine.dispose()
    rate, limit = statistics.median(ours), statistics.median(bare)
    detail = f"of CPU time; {rate / limit:.2f} of a bare SHA-256 loop ({limit:,.0f}/s), {ROWS:,} rows, +{grown:.0f} MB"
    report.row("ledger rows a second", f"{rate:,.0f}", f"≥ {LIMIT:,}", rate >= LIMIT, detail)


if __name__ == "__main__":
    measure()
    sys.exit(report.show())
