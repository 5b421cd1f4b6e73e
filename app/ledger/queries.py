"""The read side of the ledger."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import String, func, select, type_coerce, union

from app.core.db import db, stream
from app.core.errors import NotFound
from app.dealers.models import Dealer
from app.ledger.models import CloseWord, DailyClose, LedgerCheck, LedgerEntry, LedgerHead, LedgerKey
from app.ledger.rules import HEADQUARTERS, Line

PIECE = 2000
E = LedgerEntry
Raw = tuple[Any, ...]
# The time comes as the database keeps it (text on SQLite): a verification reads a million rows, and parses none.
_RAW = (
    E.chain, E.seq, type_coerce(E.at, String), E.event, E.subject, E.campaign, E.amount_fen, E.dealer_permille,
    E.actor, E.previous, E.digest,
)  # fmt: skip


class Entry(NamedTuple):
    """One row as it stands in the database."""

    line: Line
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a chain says that it ends, and where its rows end; read at one moment."""

    seq: int | None
    digest: str
    last: int | None


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain as headquarters sees it."""

    id: int
    name: str
    seq: int
    digest: str
    check: LedgerCheck | None
    last_close: date | None


def list_chain_ids() -> list[int]:
    """Every chain that anything is known of: a head, rows or closes."""
    known = union(select(LedgerHead.id), select(LedgerEntry.chain), select(DailyClose.chain)).subquery()
    return list(db.session.scalars(select(known.c[0]).order_by(known.c[0])))


def list_chains() -> list[Chain]:
    """Every chain with its end and what the last verification found."""
    heads = {row.id: row for row in db.session.scalars(select(LedgerHead))}
    checks = {row.id: row for row in db.session.scalars(select(LedgerCheck))}
    days = {
        row[0]: row[1]
        for row in db.session.execute(select(DailyClose.chain, func.max(DailyClose.on)).group_by(DailyClose.chain))
    }
    names = dealer_names()
    return [
        Chain(
            chain,
            name_of(chain, names),
            heads[chain].seq if chain in heads else 0,
            heads[chain].digest if chain in heads else "",
            checks.get(chain),
            days.get(chain),
        )
        for chain in list_chain_ids()
    ]


def dealer_names() -> dict[int, str]:
    """The name of every store by its id."""
    return {row[0]: row[1] for row in db.session.execute(select(Dealer.id, Dealer.name))}


def name_of(chain: int, names: dict[int, str] | None = None) -> str:
    """Whose chain it is."""
    if chain == HEADQUARTERS:
        return "总部"
    known = names if names is not None else dealer_names()
    return known.get(chain, f"门店 {chain}")


def dealer_slug(chain: int) -> str:
    """The store's 编号; empty for headquarters."""
    return db.session.scalar(select(Dealer.slug).where(Dealer.id == chain)) or ""


def ends_of(chain: int) -> Ends:
    """Both ends in one statement, so that what is being appended meanwhile is in both or in none."""
    last = select(func.max(E.seq)).where(E.chain == chain).scalar_subquery()
    head = select(LedgerHead.seq).where(LedgerHead.id == chain).scalar_subquery()
    digest = select(LedgerHead.digest).where(LedgerHead.id == chain).scalar_subquery()
    row = db.session.execute(select(head, digest, last)).one()
    return Ends(row[0], row[1] or "", row[2])


def digest_at(chain: int, seq: int) -> str | None:
    """The hash of one row."""
    return db.session.scalar(select(E.digest).where(E.chain == chain, E.seq == seq))


def previous_of(chain: int, seq: int) -> str | None:
    """The hash that one row says the row before it has."""
    return db.session.scalar(select(E.previous).where(E.chain == chain, E.seq == seq))


def each_row(chain: int, first: int | None = None, last: int | None = None) -> Generator[Raw]:
    """The rows of a chain in order, some thousands in memory at a time, as they stand in the database."""
    wanted = select(*_RAW).where(E.chain == chain).order_by(E.seq)
    if first is not None:
        wanted = wanted.where(E.seq >= first)
    if last is not None:
        wanted = wanted.where(E.seq <= last)
    yield from stream(wanted, PIECE)


def each_entry(chain: int, first: int | None = None, last: int | None = None) -> Generator[Entry]:
    """The same, read."""
    with closing(each_row(chain, first, last)) as rows:
        for row in rows:
            yield entry_of(row)


def entry_of(row: Raw) -> Entry:
    """A row as it is read."""
    chain, seq, at, *rest, previous, digest = row
    if isinstance(at, str):
        at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return Entry(Line(chain, seq, at, *rest), previous, digest)


def seq_where(chain: int, column: Any, value: str, *, beside: int) -> int | None:
    """The first other row of a chain with this hash in this column; a scan, for a chain that is broken."""
    return db.session.scalar(select(func.min(E.seq)).where(E.chain == chain, column == value, E.seq != beside))


def list_entries_of(subject: str) -> list[tuple[LedgerEntry, DailyClose | None]]:
    """Every row about one thing, the oldest first, each with the close that covers it."""
    rows = db.session.execute(
        select(E, DailyClose)
        .outerjoin(
            DailyClose,
            (DailyClose.chain == E.chain) & (DailyClose.first_seq <= E.seq) & (DailyClose.last_seq >= E.seq),
        )
        .where(E.subject == subject)
        .order_by(E.at, E.id)
    )
    return [(row[0], row[1]) for row in rows]


def last_close(chain: int) -> DailyClose | None:
    """The close that a chain's next one follows."""
    return db.session.scalar(
        select(DailyClose).where(DailyClose.chain == chain).order_by(DailyClose.on.desc()).limit(1)
    )


def list_closes(chain: int, limit: int | None = None) -> Sequence[DailyClose]:
    """The closes of a chain, the newest first."""
    return db.session.scalars(
        select(DailyClose).where(DailyClose.chain == chain).order_by(DailyClose.on.desc()).limit(limit)
    ).all()


def find_close(chain: int, day: date) -> DailyClose | None:
    """What a chain came to on a day."""
    return db.session.scalar(select(DailyClose).where(DailyClose.chain == chain, DailyClose.on == day))


def get_close(chain: int, day: date) -> DailyClose:
    """The same. NotFound."""
    row = find_close(chain, day)
    if row is None:
        raise NotFound
    return row


def list_objections() -> Sequence[DailyClose]:
    """Closes a store objected to: those that wait for an answer first."""
    return db.session.scalars(
        select(DailyClose)
        .where(DailyClose.objection != "")
        .order_by(DailyClose.answered_at.is_not(None), DailyClose.checked_at.desc())
        .limit(100)
    ).all()


def list_words(close_id: int) -> Sequence[CloseWord]:
    """What store and headquarters said of a close, one after the other."""
    return db.session.scalars(select(CloseWord).where(CloseWord.close_id == close_id).order_by(CloseWord.id)).all()


def list_keys() -> list[LedgerKey]:
    """Every public key that ever signed, the oldest first."""
    return list(db.session.scalars(select(LedgerKey).order_by(LedgerKey.since, LedgerKey.id)))


def list_broken() -> list[LedgerCheck]:
    """Chains whose last verification found something."""
    return [row for row in db.session.scalars(select(LedgerCheck).order_by(LedgerCheck.id)) if row.problems]


def page_of_entries(close: DailyClose, number: int, size: int = 50) -> list[Line]:
    """One page of the rows a close covers."""
    first = close.first_seq + (number - 1) * size
    return [entry.line for entry in each_entry(close.chain, first, min(first + size - 1, close.last_seq))]
