"""Writing the ledger: one function; what it is given is written as the very last of the transaction."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from app.core.db import LAST, execute, insert_new, insert_rows, locks_rows, table_of, transaction, write_last
from app.core.security import Actor
from app.ledger.models import LedgerEntry, LedgerHead
from app.ledger.rules import GENESIS, HEADQUARTERS, LedgerEvent, Line, digest

AT_ONCE = 16  # rows of one statement
_HEADS = table_of(LedgerHead)
_LOCK = select(_HEADS.c.seq, _HEADS.c.digest).where(_HEADS.c.id == bindparam("chain")).with_for_update()
_MOVE = update(_HEADS).where(_HEADS.c.id == bindparam("chain")).values(seq=bindparam("to"), digest=bindparam("latest"))
_ENTRIES = table_of(LedgerEntry)
_NEW = {name: bindparam(f"new_{name}", type_=_ENTRIES.c[name].type) for name in (*Line.__slots__, "previous", "digest")}
# PostgreSQL does both in one statement, so that whoever waits for the head waits for one round trip less.
_ADD_AND_MOVE = _MOVE.add_cte(insert(_ENTRIES).values(_NEW).cte("added"))


def append(
    actor: Actor,
    event: LedgerEvent,
    subject_kind: str,
    subject_id: int,
    now: datetime,
    *,
    dealer_id: int | None = None,
    campaign: str = "",
    amount_fen: int = 0,
    dealer_permille: int = 0,
) -> None:
    """Add one row to the dealer's chain (headquarters' without a dealer).

    Joins the caller's transaction. All others who write to the chain wait for whoever has its head locked, so heads are
    locked after everything else is written, whenever this is called, and in one order.
    """
    line = Line(
        chain=dealer_id or HEADQUARTERS,
        seq=0,
        at=now,
        event=event.value,
        subject=f"{subject_kind}:{subject_id}",
        campaign=campaign,
        amount_fen=amount_fen,
        dealer_permille=dealer_permille,
        actor=actor.kind if actor.id is None else f"{actor.kind}:{actor.id}",
    )
    with transaction():
        write_last(_write, line, LAST)


def _write(lines: list[Line]) -> None:
    for chain, own in groupby(sorted(lines, key=_chain), _chain):
        _chain_up(chain, own)


def _chain(line: Line) -> int:
    return line.chain


def _chain_up(chain: int, lines: Iterable[Line]) -> None:
    seq, latest = _lock_head(chain)
    rows: list[dict[str, Any]] = []
    for line in lines:
        seq, previous = seq + 1, latest
        line = replace(line, seq=seq)
        latest = digest(line, previous)
        rows.append({name: getattr(line, name) for name in Line.__slots__} | {"previous": previous, "digest": latest})
    moved = {"chain": chain, "to": seq, "latest": latest}
    if len(rows) == 1 and locks_rows():
        execute(_ADD_AND_MOVE, {**{f"new_{name}": value for name, value in rows[0].items()}, **moved})
        return
    for start in range(0, len(rows), AT_ONCE):
        insert_rows(LedgerEntry, rows[start : start + AT_ONCE])
    execute(_MOVE, moved)


def _lock_head(chain: int) -> tuple[int, str]:
    found = execute(_LOCK, {"chain": chain}).first()
    if found is None:  # the chain's first row; whoever is faster makes the head, both then wait for it
        insert_new(LedgerHead, "id", {"id": chain, "seq": 0, "digest": GENESIS})
        found = execute(_LOCK, {"chain": chain}).first()
    if found is None:
        raise LookupError(f"the head of chain {chain} cannot be read")
    return found[0], found[1]
