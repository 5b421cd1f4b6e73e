"""Writing the ledger: one function, called last in the transaction of what happened."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from app.core.db import execute, insert_new, table_of, transaction
from app.core.security import Actor
from app.ledger.models import LedgerEntry, LedgerHead
from app.ledger.rules import GENESIS, HEADQUARTERS, LedgerEvent, Line, digest

_HEADS = table_of(LedgerHead)
_LOCK = select(_HEADS.c.seq, _HEADS.c.digest).where(_HEADS.c.id == bindparam("chain")).with_for_update()
_ADD = insert(table_of(LedgerEntry))
_MOVE = update(_HEADS).where(_HEADS.c.id == bindparam("chain")).values(seq=bindparam("to"), digest=bindparam("latest"))


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
) -> int:
    """Add one row to the dealer's chain (headquarters' without a dealer) and return its number in it.

    Joins the caller's transaction and locks the chain's head: call it last, after every other lock.
    """
    chain = dealer_id or HEADQUARTERS
    with transaction():
        seq, previous = _lock_head(chain)
        line = Line(
            chain=chain,
            seq=seq + 1,
            at=now,
            event=event.value,
            subject=f"{subject_kind}:{subject_id}",
            campaign=campaign,
            amount_fen=amount_fen,
            dealer_permille=dealer_permille,
            actor=actor.kind if actor.id is None else f"{actor.kind}:{actor.id}",
        )
        latest = digest(line, previous)
        execute(_ADD, _row(line) | {"previous": previous, "digest": latest})
        execute(_MOVE, {"chain": chain, "to": line.seq, "latest": latest})
    return line.seq


def _row(line: Line) -> dict[str, Any]:
    return {name: getattr(line, name) for name in Line.__slots__}


def _lock_head(chain: int) -> tuple[int, str]:
    found = execute(_LOCK, {"chain": chain}).first()
    if found is None:  # the chain's first row; whoever is faster makes the head, both then wait for it
        insert_new(LedgerHead, "id", {"id": chain, "seq": 0, "digest": GENESIS})
        found = execute(_LOCK, {"chain": chain}).first()
    if found is None:
        raise LookupError(f"the head of chain {chain} cannot be read")
    return found[0], found[1]
