"""Every way of tampering with a ledger is found and the row is named; what nobody touched is left in peace."""

from datetime import timedelta

import pytest
from flask import Flask

from app.core import clock, jobs
from app.core.db import db
from app.ledger.models import DailyClose, LedgerCheck
from app.ledger.rules.closes import Signer
from app.ledger.services.close import close_days
from app.ledger.services.verify import check_chain, verify_chain, verify_daily, verify_keys
from tests.ledger.book import CHAIN, DAY, NOON, SIGNER, close, fill, numbers, problems, rewrite, tamper

SWAP = "UPDATE ledger_entries SET seq = :to WHERE chain = 7 AND seq = :seq"


@pytest.fixture
def book(app: Flask) -> Flask:
    """Six rows on each of two days, both closed, and three rows of today."""
    fill(6)
    fill(6, since=NOON + DAY)
    fill(3, since=NOON + 2 * DAY)
    fill(2, chain=0)
    assert close(NOON + 2 * DAY) == 3
    return app


@pytest.mark.both_databases
def test_nothing_wrong_with_an_honest_book(book: Flask) -> None:
    report = verify_chain(CHAIN, SIGNER)
    assert (report.rows, report.seq, report.problems) == (15, 15, [])


CHANGES = [
    "at = '2026-11-20 04:09:00.000000'", "event = 'undone'", "subject = 'coupon:99'", "campaign = ''", "amount_fen = 1",
    "dealer_permille = 0", "actor = 'staff:1'", "previous = 'x'", "digest = 'x'",
]  # fmt: skip


@pytest.mark.parametrize("column", CHANGES)
def test_any_changed_column_is_named(book: Flask, column: str) -> None:
    tamper(f"UPDATE ledger_entries SET {column} WHERE chain = 7 AND seq = 4")
    found = problems()
    assert found[0].startswith("第 4 行被改过"), found


def test_a_row_that_moved_to_another_chain_is_missing_there(book: Flask) -> None:
    tamper("UPDATE ledger_entries SET chain = 0, seq = 3 WHERE chain = 7 AND seq = 4")
    assert problems()[0] == "第 4 行被删除"
    assert problems(0)[0].startswith("第 3 行是插入的")


@pytest.mark.both_databases
def test_a_deleted_row_is_named(book: Flask) -> None:
    tamper("DELETE FROM ledger_entries WHERE chain = 7 AND seq IN (4, 5)")
    assert problems()[0] == "第 4 至 5 行被删除"


def test_a_deleted_row_is_named_although_the_others_moved_up(book: Flask) -> None:
    tamper("DELETE FROM ledger_entries WHERE chain = 7 AND seq = 14")
    tamper(SWAP, seq=15, to=14)
    tamper("UPDATE ledger_heads SET seq = 14 WHERE id = 7")
    assert problems()[0].startswith("第 14 行前有记录被删除")


def test_reordered_rows_are_named(book: Flask) -> None:
    for seq, to in ((8, -1), (9, 8), (-1, 9)):
        tamper(SWAP, seq=seq, to=to)
    assert numbers() == list(range(1, 16))
    assert problems()[0].startswith("第 8 行的顺序被改过")


@pytest.mark.parametrize("honest_hash", [False, True])
def test_an_inserted_row_is_named(book: Flask, honest_hash: bool) -> None:
    """Also one whose own hash is right: then the row after it does not follow it."""
    for seq in (15, 14):
        tamper(SWAP, seq=seq, to=seq + 1)
    previous = "(SELECT digest FROM ledger_entries WHERE chain = 7 AND seq = 13)" if honest_hash else "'x'"
    tamper(
        "INSERT INTO ledger_entries (chain, seq, at, event, subject, campaign, amount_fen, dealer_permille, actor, "
        f"previous, digest) SELECT chain, 14, at, event, subject, campaign, 9, 0, actor, {previous}, 'y' "
        "FROM ledger_entries WHERE chain = 7 AND seq = 13"
    )
    if honest_hash:
        from app.ledger.queries import each_entry
        from app.ledger.rules import digest

        row = next(entry for entry in each_entry(CHAIN, 14))
        tamper("UPDATE ledger_entries SET digest = :d WHERE chain = 7 AND seq = 14", d=digest(row.line, row.previous))
    tamper("UPDATE ledger_heads SET seq = 16 WHERE id = 7")
    assert problems()[0] == "第 14 行是插入的"


def test_a_row_after_the_end_and_one_before_the_beginning_are_named(book: Flask) -> None:
    copy = (
        "INSERT INTO ledger_entries (chain, seq, at, event, subject, campaign, amount_fen, dealer_permille, actor, "
        "previous, digest) SELECT chain, :seq, at, event, subject, campaign, 9, 0, actor, digest, 'y' "
        "FROM ledger_entries WHERE chain = 7 AND seq = 15"
    )
    tamper(copy, seq=16)
    assert problems()[0] == "第 16 行是插入的"
    tamper(copy, seq=0)
    assert problems()[0] == "第 0 行是插入的"


@pytest.mark.both_databases
def test_a_truncated_end_is_found_by_the_head(book: Flask) -> None:
    tamper("DELETE FROM ledger_entries WHERE chain = 7 AND seq > 13")
    assert problems() == ["末尾第 14 至 15 行被删除（链尾记录到第 15 行）"]


@pytest.mark.both_databases
def test_a_truncated_end_with_a_rewritten_head_is_found_by_the_signed_close(book: Flask) -> None:
    tamper("DELETE FROM ledger_entries WHERE chain = 7 AND seq > 10")
    tamper(
        "UPDATE ledger_heads SET seq = 10, digest = (SELECT digest FROM ledger_entries WHERE chain = 7 AND seq = 10) "
        "WHERE id = 7"
    )
    assert problems() == ["末尾第 11 至 12 行被删除（2026-11-21 日结签到第 12 行）"]


def test_a_chain_that_was_rewritten_with_new_hashes_is_found_by_the_signed_close(book: Flask) -> None:
    rewrite(CHAIN, lambda line: line | {"amount_fen": 1} if line["seq"] == 4 else line)
    assert problems() == ["第 6 行不是 2026-11-20 日结签过的那一行：账本被整段改写"]


def test_a_head_that_lies_and_one_that_is_gone_are_named(book: Flask) -> None:
    tamper("UPDATE ledger_heads SET digest = 'x' WHERE id = 7")
    assert problems() == ["链尾记录被改过：与第 15 行的摘要不符"]
    tamper("DELETE FROM ledger_heads WHERE id = 7")
    assert problems() == ["链尾记录被删除，行还在（到第 15 行）"]
    tamper("DELETE FROM ledger_entries WHERE chain = 7")
    assert problems() == ["末尾第 1 至 6 行被删除（2026-11-20 日结签到第 6 行）"]


def test_a_close_that_was_changed_removed_or_forged_is_named(book: Flask) -> None:
    row = db.session.query(DailyClose).filter_by(chain=CHAIN).order_by(DailyClose.on).first()
    assert row is not None
    content, key, number = dict(row.content), row.key_id, row.id
    db.session.rollback()
    from app.core.db import transaction
    from app.ledger.rules.closes import digest_of, text_of

    def put(**values: object) -> None:
        with transaction():
            db.session.query(DailyClose).filter_by(id=number).update(values)  # pyright: ignore

    forged, thief = content | {"rows": 5}, Signer("another secret")
    put(content=forged)
    assert problems() == ["2026-11-20 日结的内容与签名不符"]
    put(digest=digest_of(text_of(forged)), signature=thief.sign(text_of(forged)))
    assert problems()[0] == "2026-11-20 日结的内容与签名不符"
    put(key_id=thief.key_id)
    assert problems()[0] == f"2026-11-20 日结的公钥 {thief.key_id} 不在公布的公钥里"
    put(content=content, key_id=key, digest=digest_of(text_of(content)), signature=SIGNER.sign(text_of(content)))
    assert problems() == []
    put(last_seq=5)
    assert problems()[0].endswith("日结的记录与签名内容不符") or "签过" in problems()[0]
    tamper("DELETE FROM ledger_closes WHERE id = :n", n=number)
    assert problems() == ["2026-11-21 日结与前一次日结不相接（中间有日结被删除）"]


def test_a_former_key_that_was_slipped_in_is_named(book: Flask) -> None:
    """After the key changed, the new one vouches for the old; a third one nobody vouched for."""
    new = Signer("a new secret after rotation")
    fill(1, since=NOON + 3 * DAY)
    assert close_days(new, NOON + 4 * DAY) == 2
    assert verify_chain(CHAIN, new).problems == []
    assert verify_keys(new) == []
    thief = Signer("somebody who can write into the database")
    tamper(
        "INSERT INTO ledger_keys SELECT :id, :key, since, statement, signature FROM ledger_keys WHERE id = :old",
        id=thief.key_id, key=thief.public_key, old=SIGNER.key_id,
    )  # fmt: skip
    assert verify_keys(new) == [f"公钥 {thief.key_id} 未经现用公钥确认"]
    tamper("UPDATE ledger_keys SET signature = 'x' WHERE id = :id", id=new.key_id)
    assert verify_keys(new)[0] == f"公钥 {new.key_id} 的记录被改过"


def test_the_command_says_a_line_for_each_problem(book: Flask) -> None:
    shell = book.test_cli_runner()
    well = shell.invoke(args=["ledger", "verify"])
    assert well.exit_code == 0
    assert well.output.startswith("2 条链，17 行，全部相符（")
    tamper("UPDATE ledger_entries SET amount_fen = 1 WHERE seq = 2")
    ill = shell.invoke(args=["ledger", "verify"])
    lines = ill.output.splitlines()
    assert ill.exit_code == 1
    assert lines[0].startswith("链 0（总部）：第 2 行被改过")
    assert lines[1].startswith("链 7（门店 7）：第 2 行被改过")
    assert shell.invoke(args=["ledger", "verify", "--chain", "7", "--from", "3"]).exit_code == 0
    assert shell.invoke(args=["ledger", "verify", "--chain", "7"]).exit_code == 1


def test_every_day_what_is_new_and_every_week_all_of_it(book: Flask) -> None:
    """An old row that was changed is found by the weekly run; the row the last run ended at by any."""
    now = NOON + 2 * DAY
    assert verify_daily(SIGNER, now) == 2
    assert verify_daily(SIGNER, now + timedelta(hours=1)) == 0
    tamper("UPDATE ledger_entries SET amount_fen = 1 WHERE chain = 7 AND seq = 2")
    fill(2, since=now)
    assert verify_daily(SIGNER, now + DAY) == 2
    assert _found() == []
    assert verify_daily(SIGNER, now + 7 * DAY) == 2
    assert _found()[0].startswith("第 2 行被改过")
    tamper("UPDATE ledger_entries SET amount_fen = 1001 WHERE chain = 7 AND seq = 2")
    check_chain(CHAIN, SIGNER, now, whole=False)
    assert _found() == [], "what was put right is well again"
    rewrite(CHAIN, lambda line: line | {"actor": "staff:1"} if line["seq"] == 17 else line)
    check_chain(CHAIN, SIGNER, now, whole=False)
    assert _found() == ["第 17 行不是上次核验时的那一行"]


def _found() -> list[str]:
    db.session.rollback()
    return db.session.get_one(LedgerCheck, CHAIN, populate_existing=True).problems


def test_rows_written_while_a_chain_is_verified_do_no_harm(book: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.ledger import queries

    real = queries.ends_of

    def ends_then_more(chain: int) -> queries.Ends:
        ends = real(chain)
        db.session.rollback()
        fill(2, since=NOON + 3 * DAY)
        return ends

    monkeypatch.setattr(queries, "ends_of", ends_then_more)
    assert verify_chain(CHAIN, SIGNER).problems == []


def test_the_jobs_close_and_verify(book: Flask) -> None:
    fill(1, chain=9, since=clock.now() - 3 * DAY)
    assert jobs.run(book, "close_ledger_days") >= 1
    assert jobs.run(book, "verify_ledger") == 3


def test_doctor_and_metrics_sound_the_alarm(book: Flask) -> None:
    from app.operations import doctor_house, metrics

    def lines() -> list[tuple[str, str]]:
        db.session.rollback()
        return [(level, found) for level, found, _ in doctor_house.ledger(book, book.config["SETTINGS"])]

    now = clock.now()
    for chain in (0, CHAIN):
        check_chain(chain, SIGNER, now, whole=True)
    assert lines() == [("ok", "2 条账本，上次核验相符")]
    tamper("UPDATE ledger_entries SET amount_fen = 1 WHERE chain = 7 AND seq = 2")
    check_chain(CHAIN, SIGNER, now, whole=True)
    ((level, found),) = lines()
    assert level == "failed"
    assert found.startswith("门店 7：第 2 行被改过")
    scraped = metrics.exposition(book.config["SETTINGS"].metrics_path, {}, now).decode()
    assert "zhanting_ledger_problems 1.0" in scraped
    check_chain(0, SIGNER, now - 3 * DAY, whole=True)
    assert ("warning", "1 条账本两天没有核验") in lines()
