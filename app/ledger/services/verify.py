"""Recomputing chains: every row, every close, every key; the first row that does not hold is named."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.core import clock
from app.core.db import db, transaction
from app.ledger import queries
from app.ledger.models import DailyClose, LedgerCheck, LedgerEntry
from app.ledger.queries import Ends, Entry, Raw
from app.ledger.rules import GENESIS, digest, digest_of_fields
from app.ledger.rules.breaks import Broken, changed, deleted_before, inserted, missing, moved, rewritten, truncated
from app.ledger.rules.closes import Signer, Totals, digest_of, signed_by, text_of

log = structlog.get_logger(__name__)
WHOLE_EVERY = timedelta(days=7)


@dataclass(slots=True)
class Report:
    """What verifying one chain found: how many rows hold, where they end, what does not hold."""

    chain: int
    rows: int = 0
    seq: int = 0
    digest: str = GENESIS
    problems: list[str] = field(default_factory=list[str])


def walk(chain: int, first: int, previous: str, last: int | None = None) -> Generator[Raw]:
    """The rows from `first` on, each recomputed before it is handed out. Broken at the first that does not hold."""
    expected = first
    with closing(queries.each_row(chain, first if first > 1 else None, last)) as rows:
        for row in rows:
            seq, before, stands = row[1], row[9], row[10]
            if seq != expected:
                raise missing(expected, seq) if seq > expected else inserted(seq)
            if before != previous or digest_of_fields(row[:9], previous) != stands:
                raise _name(queries.entry_of(row), previous)
            previous, expected = stands, expected + 1
            yield row


def _name(entry: Entry, previous: str) -> Broken:
    """What was done to a row that does not follow the one before: by where its neighbours stand now."""
    line = entry.line
    if entry.previous == previous or digest(line, previous) == entry.digest:
        return changed(line)
    successor = queries.seq_where(line.chain, LedgerEntry.previous, previous, beside=line.seq)
    origin = queries.seq_where(line.chain, LedgerEntry.digest, entry.previous, beside=line.seq)
    if successor is not None:
        return moved(line) if origin is not None else inserted(line.seq)
    return inserted(origin + 1) if origin is not None and origin < line.seq else deleted_before(line)


def verify_chain(chain: int, signer: Signer, first: int = 1, previous: str | None = None) -> Report:
    """Recompute one chain from a row on. `previous` is the hash of the row before, as it was remembered."""
    ends = queries.ends_of(chain)
    stands = queries.digest_at(chain, first - 1) if first > 1 else GENESIS
    report = Report(chain, 0, first - 1, previous or stands or GENESIS)
    closes = list(reversed(queries.list_closes(chain)))
    try:
        if stands is None or (previous is not None and stands != previous):
            raise Broken(f"第 {first - 1} 行不是上次核验时的那一行")
        _walk_through(report, ends, [close for close in closes if close.last_seq >= first])
        _check_ends(report, ends)
    except Broken as problem:
        report.problems.append(str(problem))
    report.problems += _check_closes(closes, signer)
    return report


def _walk_through(report: Report, ends: Ends, closes: list[DailyClose]) -> None:
    waiting = iter(closes)
    close = next(waiting, None)
    with closing(walk(report.chain, report.seq + 1, report.digest, ends.seq)) as rows:
        for row in rows:
            report.rows, report.seq, report.digest = report.rows + 1, row[1], row[10]
            while close is not None and close.last_seq == report.seq:
                if close.content.get("head") != report.digest:
                    raise rewritten(report.seq, close.on.isoformat())
                close = next(waiting, None)
    if close is not None:
        raise truncated(report.seq, close.last_seq, f"{close.on} 日结签到第 {close.last_seq} 行")


def _check_ends(report: Report, ends: Ends) -> None:
    if ends.seq is None:
        if ends.last is not None:
            raise Broken(f"链尾记录被删除，行还在（到第 {ends.last} 行）")
        return
    if report.seq < ends.seq:
        raise truncated(report.seq, ends.seq, f"链尾记录到第 {ends.seq} 行")
    if ends.last is not None and ends.last > ends.seq:
        raise inserted(ends.seq + 1)
    if ends.digest != report.digest:
        raise Broken(f"链尾记录被改过：与第 {ends.seq} 行的摘要不符")


def _check_closes(closes: list[DailyClose], signer: Signer) -> list[str]:
    """Each close is what was signed, follows the one before and begins where that ended."""
    keys = {key.id: key.public_key for key in queries.list_keys()} | {signer.key_id: signer.public_key}
    problems: list[str] = []
    digest, seq = GENESIS, 0
    for close in closes:
        if problem := _close_problem(close, keys, digest, seq):
            problems.append(f"{close.on} 日结{problem}")
        digest, seq = close.digest, close.last_seq
    return problems


def _close_problem(close: DailyClose, keys: dict[str, str], previous: str, seq: int) -> str:
    if problem := _signature_problem(close, keys):
        return problem
    if close.content["previous"] != previous or close.first_seq != seq + 1:
        return "与前一次日结不相接（中间有日结被删除）"
    return ""


def _signature_problem(close: DailyClose, keys: dict[str, str]) -> str:
    text, content = text_of(close.content), close.content
    if close.key_id not in keys:
        return f"的公钥 {close.key_id} 不在公布的公钥里"
    if digest_of(text) != close.digest or not signed_by(keys[close.key_id], text, close.signature):
        return "的内容与签名不符"
    said = (content["chain"], content["day"], content["first_seq"], content["last_seq"], content["key"])
    if said != (close.chain, close.on.isoformat(), close.first_seq, close.last_seq, close.key_id):
        return "的记录与签名内容不符"
    return ""


def verify_close(close: DailyClose, signer: Signer) -> list[str]:
    """Whether one close is what was signed, and its rows are those that it covers."""
    keys = {key.id: key.public_key for key in queries.list_keys()} | {signer.key_id: signer.public_key}
    if problem := _signature_problem(close, keys):
        return [f"{close.on} 日结{problem}"]
    return verify_rows(close.content)


def verify_rows(content: dict[str, Any]) -> list[str]:
    """Whether the rows that a signed content covers still stand: each recomputed, the last hash, what they come to.

    It trusts nothing but the content: the hash of the last row holds every row before it.
    """
    chain, first, last = content["chain"], content["first_seq"], content["last_seq"]
    totals, digest = Totals(), ""
    try:
        begins = queries.previous_of(chain, first)
        if begins is None:
            raise missing(first, first + 1)
        with closing(walk(chain, first, begins, last)) as rows:
            for row in rows:
                totals.add(queries.entry_of(row).line)
                digest = row[10]
        if totals.rows < last - first + 1:
            raise truncated(first + totals.rows - 1, last, f"{content['day']} 日结签到第 {last} 行")
        if digest != content["head"]:
            raise rewritten(last, content["day"])
    except Broken as problem:
        return [str(problem)]
    return [] if totals.said == {name: content[name] for name in totals.said} else ["合计与逐笔不符"]


def verify_keys(signer: Signer) -> list[str]:
    """Whether the published keys are those the present key vouched for when it was first used."""
    keys = queries.list_keys()
    present = next((key for key in keys if key.id == signer.key_id), None)
    if present is None:
        return []  # it has not signed yet
    text = text_of(present.statement)
    if present.public_key != signer.public_key or not signed_by(signer.public_key, text, present.signature):
        return [f"公钥 {present.id} 的记录被改过"]
    vouched = set(present.statement["earlier"])
    return [f"公钥 {key.id} 未经现用公钥确认" for key in keys if key.id != present.id and key.id not in vouched]


def check_chain(chain: int, signer: Signer, now: datetime, *, whole: bool) -> Report:
    """Verify a chain, or what was added since it was last verified, and remember how far it holds."""
    last = None if whole else db.session.get(LedgerCheck, chain, populate_existing=True)
    fresh = last is None or bool(last.problems) or last.seq == 0
    report = (
        verify_chain(chain, signer) if last is None or fresh else verify_chain(chain, signer, last.seq + 1, last.digest)
    )
    db.session.rollback()
    with transaction():
        row = db.session.get(LedgerCheck, chain, with_for_update=True) or LedgerCheck(id=chain)
        row.seq, row.digest, row.checked_at = report.seq, report.digest, now
        row.problems = report.problems
        if fresh:
            row.whole_at = now
        db.session.add(row)
    for problem in report.problems:
        log.error("ledger_broken", chain=chain, problem=problem)
    return report


def verify_daily(signer: Signer, now: datetime) -> int:
    """Verify every chain once a day, what is new, and every row once a week; how many were verified."""
    today = clock.local(now).date()
    checks = {check.id: (check.checked_at, check.whole_at) for check in _checks()}
    chains = queries.list_chain_ids()
    db.session.rollback()
    done = 0
    for chain in chains:
        checked_at, whole_at = checks.get(chain, (None, None))
        if checked_at is not None and clock.local(checked_at).date() >= today:
            continue
        check_chain(chain, signer, now, whole=whole_at is None or now - whole_at >= WHOLE_EVERY)
        done += 1
    return done


def _checks() -> list[LedgerCheck]:
    return db.session.query(LedgerCheck).all()
