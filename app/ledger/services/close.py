"""日结: each day of each chain is added up once, in order, and signed; both sides say whether it is right."""

import json
from contextlib import closing
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.core import audit, clock
from app.core.db import db, insert_new, transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.ledger import queries
from app.ledger.errors import CloseFileWrong, DayNotOver, ObjectionMissing
from app.ledger.models import CloseWord, DailyClose, LedgerEntry, LedgerHead, LedgerKey
from app.ledger.rules import GENESIS, canonical, moment
from app.ledger.rules.breaks import Broken
from app.ledger.rules.closes import (
    Range,
    Signer,
    Totals,
    closable_until,
    content_of,
    day_end,
    digest_of,
    key_id,
    signed_by,
    text_of,
)
from app.ledger.services.verify import verify_rows, walk

log = structlog.get_logger(__name__)
MIN_WORDS, MAX_WORDS = 4, 300
E = LedgerEntry


def close_days(signer: Signer, now: datetime, until: date | None = None) -> int:
    """Close every day that is over and has rows, the oldest first; how many were closed. DayNotOver.

    A day without rows has no close: the next one goes on at the very next row, which says the same. A chain that does
    not verify is not signed; it is told in the log and waits.
    """
    over = closable_until(now)
    if until is not None and until > over:
        raise DayNotOver
    chains = queries.list_chain_ids()
    db.session.rollback()
    done = 0
    for chain in chains:
        try:
            while close_next(chain, signer, until or over, now):
                done += 1
        except Broken as problem:
            log.error("ledger_not_closed", chain=chain, problem=str(problem))
        finally:
            db.session.rollback()
    return done


def close_next(chain: int, signer: Signer, until: date, now: datetime) -> bool:
    """Close the first day of a chain that is not closed yet; False when there is none up to `until`. Broken."""
    last = queries.last_close(chain)
    after = last.last_seq if last is not None else 0
    begins = db.session.scalar(select(E.at).where(E.chain == chain, E.seq == after + 1))
    if begins is None:
        return False
    day = clock.local(begins).date()
    if last is not None:  # a row whose request began before midnight was written when that day was closed
        day = max(day, last.on + timedelta(days=1))
    if day > until:
        return False
    end = db.session.scalar(select(func.max(E.seq)).where(E.chain == chain, E.seq > after, E.at < day_end(day)))
    totals, head = Totals(), last.content["head"] if last is not None else GENESIS
    with closing(walk(chain, after + 1, head, end)) as rows:
        for entry in map(queries.entry_of, rows):
            totals.add(entry.line)
            head = entry.digest
    covered = Range(
        chain, queries.dealer_slug(chain), day, after + 1, after + totals.rows, head, last.digest if last else GENESIS
    )
    db.session.rollback()
    return _keep(covered, totals, signer, now)


def _keep(rows: Range, totals: Totals, signer: Signer, now: datetime) -> bool:
    content = content_of(rows, totals, signer.key_id, now)
    text = text_of(content)
    try:
        with transaction():
            db.session.execute(select(LedgerHead.id).where(LedgerHead.id == rows.chain).with_for_update())
            last = queries.last_close(rows.chain)
            if (last.last_seq if last is not None else 0) != rows.first_seq - 1:
                return True  # another worker closed this day; the next look begins after it
            publish_key(signer, now)
            db.session.add(
                DailyClose(
                    chain=rows.chain, on=rows.day, first_seq=rows.first_seq, last_seq=rows.last_seq, content=content,
                    digest=digest_of(text), key_id=signer.key_id, signature=signer.sign(text), closed_at=now,
                )
            )  # fmt: skip
    except IntegrityError:  # the one close of a day
        return True
    return True


def publish_key(signer: Signer, now: datetime) -> None:
    """Put the present key on the list, once, with its word for those that stand there already."""
    if db.session.get(LedgerKey, signer.key_id) is not None:
        return
    earlier = [key.id for key in queries.list_keys()]
    statement = {
        "key": signer.key_id, "public_key": signer.public_key, "since": moment(now), "earlier": earlier,
    }  # fmt: skip
    row = {
        "id": signer.key_id, "public_key": signer.public_key, "since": now, "statement": statement,
        "signature": signer.sign(text_of(statement)),
    }  # fmt: skip
    insert_new(LedgerKey, "id", row)


def say_right(actor: Actor, day: date, now: datetime) -> None:
    """核对无误: the store's manager has compared the day with the store's own list. NotAllowed, NotFound."""
    _say(actor, day, "", now)


def object_to(actor: Actor, day: date, reason: str, now: datetime) -> None:
    """有异议: headquarters reads the reason and answers. NotAllowed, NotFound, ObjectionMissing."""
    reason = " ".join(reason.split())[:MAX_WORDS]
    if len(reason) < MIN_WORDS:
        raise ObjectionMissing
    _say(actor, day, reason, now)


def _say(actor: Actor, day: date, objection: str, now: datetime) -> None:
    if actor.kind != "staff" or actor.role != "manager" or actor.dealer_id is None:
        raise NotAllowed
    with transaction():
        close = queries.get_close(actor.dealer_id, day)
        db.session.refresh(close, with_for_update=True)
        if close.checked_at is not None and close.objection == objection:
            return  # the same form twice
        close.checked_at, close.checked_by, close.objection = now, actor.id, objection
        close.answer, close.answered_at, close.answered_by = "", None, None
        _keep_word(close, "objected" if objection else "checked", actor, objection, now)
        audit.record(actor, "close_objected" if objection else "close_checked", "ledger_close", close.id)


def _keep_word(close: DailyClose, said: str, actor: Actor, words: str, now: datetime) -> None:
    db.session.add(CloseWord(close_id=close.id, at=now, said=said, by_id=actor.id, words=words))
    db.session.flush()


def answer(operator: Actor, close_id: int, words: str, now: datetime) -> None:
    """Headquarters answers an objection; the store reads it. NotAllowed, ObjectionMissing."""
    words = " ".join(words.split())[:MAX_WORDS]
    if operator.kind != "operator":
        raise NotAllowed
    if len(words) < MIN_WORDS:
        raise ObjectionMissing("请写明处理结果，至少 4 个字。")
    with transaction():
        close = db.session.get(DailyClose, close_id, with_for_update=True)
        if close is None or not close.objection:
            raise ObjectionMissing("这一天没有异议，请刷新查看。")
        if close.answer == words:
            return  # the same form twice
        close.answer, close.answered_at, close.answered_by = words, now, operator.id
        _keep_word(close, "answered", operator, words, now)
        audit.record(operator, "close_answered", "ledger_close", close_id)


def file_of(close: DailyClose) -> str:
    """The close as a file: the very text that was signed, the signature, and the name of the key."""
    public_key = next((key.public_key for key in queries.list_keys() if key.id == close.key_id), "")
    content = {
        "signed": text_of(close.content), "signature": close.signature, "key": close.key_id, "public_key": public_key,
    }  # fmt: skip
    return json.dumps(content, ensure_ascii=False, indent=1)


def rows_file_of(close: DailyClose) -> str:
    """The rows that a close covers as a file: the hash before the first, each row as it is hashed, its hash."""
    entries = list(queries.each_entry(close.chain, close.first_seq, close.last_seq))
    rows = [[*json.loads(canonical(entry.line, ""))[:-1], entry.digest] for entry in entries]
    previous = entries[0].previous if entries else GENESIS
    return json.dumps({"previous": previous, "rows": rows}, ensure_ascii=False)


def check_file(text: str, signer: Signer) -> list[str]:
    """What is wrong with a downloaded close: its signature, and whether this ledger still says the same, row by row.

    CloseFileWrong when it is not such a file.
    """
    try:
        file = json.loads(text)
        signed, signature, key, given = file["signed"], file["signature"], file["key"], file["public_key"]
        content = json.loads(signed)
        chain, day = int(content["chain"]), date.fromisoformat(content["day"])
    except (ValueError, KeyError, TypeError):
        raise CloseFileWrong from None
    keys = {row.id: row.public_key for row in queries.list_keys()} | {signer.key_id: signer.public_key}
    if key not in keys or content.get("key") != key:
        return [f"公钥 {key} 不是本商城公布的公钥"]
    problems = [] if given == keys[key] and key_id(given) == key else ["文件里的公钥与公布的公钥不符"]
    if not signed_by(keys[key], signed, signature):
        problems.append("签名不符：内容被改过，或不是本商城签发的")
        return problems
    close = queries.find_close(chain, day)
    if close is None:
        problems.append(f"账本里没有 {day} 的日结：它被删除了")
    elif text_of(close.content) != signed:
        problems.append(f"账本里 {day} 的日结是另一份：它被换过")
    return problems + verify_rows(content)
