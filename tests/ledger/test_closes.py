"""日结: what a day comes to, in order and without a gap, signed so that both sides can check it alone."""

import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core import clock
from app.core.db import db, transaction
from app.core.security import SYSTEM, Actor
from app.ledger import queries
from app.ledger.errors import DayNotOver, ObjectionMissing
from app.ledger.models import DailyClose
from app.ledger.rules import LedgerEvent, Line
from app.ledger.rules.closes import Signer, add_up, dealer_part, digest_of, text_of
from app.ledger.services import append, verify
from app.ledger.services import close as services
from tests.conftest import make_settings
from tests.ledger.book import CHAIN, DAY, MINUTE, NOON, SIGNER, close, fill, problems, rewrite, tamper
from tests.npm import NODE
from tests.races.world import at_once

FIRST = date(2026, 11, 20)
RECIPE = Path(__file__).resolve().parents[2] / "docs" / "verify-close.mjs"


def closes(chain: int = CHAIN) -> list[DailyClose]:
    db.session.rollback()
    return list(reversed(queries.list_closes(chain)))


@pytest.mark.both_databases
def test_a_day_is_closed_after_midnight_and_says_what_it_came_to(app: Flask) -> None:
    fill(3)
    with transaction():
        undo = {"dealer_id": CHAIN, "campaign": "yx-c1", "amount_fen": 1001, "dealer_permille": 500}
        append(SYSTEM, LedgerEvent.UNDONE, "coupon", 1, NOON + 9 * MINUTE, **undo)
        append(SYSTEM, LedgerEvent.PAID, "booking", 1, NOON + 9 * MINUTE, dealer_id=CHAIN, amount_fen=100_000)
    midnight = clock.from_local(clock.local(NOON).replace(hour=0, minute=0, tzinfo=None)) + DAY
    assert close(midnight + 9 * MINUTE) == 0
    assert close(midnight + 10 * MINUTE) == 1
    (row,) = closes()
    assert (row.on, row.first_seq, row.last_seq, row.key_id) == (FIRST, 1, 5, SIGNER.key_id)
    assert row.content["events"] == {
        "coupon:redeemed": {"count": 3, "fen": 3003},
        "coupon:undone": {"count": 1, "fen": 1001},
        "booking:paid": {"count": 1, "fen": 100_000},
    }
    assert row.content["campaigns"]["yx-c1"] == {
        "redeemed": 3, "undone": 1, "net": 2, "fen": 2002, "headquarters_fen": 1002, "dealer_fen": 1000,
    }  # fmt: skip
    assert row.content["head"] == queries.digest_at(CHAIN, 5)
    assert problems() == []


def test_days_nobody_closed_are_closed_in_order_and_empty_ones_have_none(app: Flask) -> None:
    """The worker was dead for a week; two of its days had rows."""
    for days in (0, 2, 5):
        fill(2, since=NOON + days * DAY)
    assert close(NOON + 8 * DAY) == 3
    assert close(NOON + 8 * DAY) == 0
    found = closes()
    assert [(row.on - FIRST).days for row in found] == [0, 2, 5]
    assert [(row.first_seq, row.last_seq) for row in found] == [(1, 2), (3, 4), (5, 6)]
    assert [row.content["previous"] for row in found] == ["0" * 64, found[0].digest, found[1].digest]


def test_a_row_written_late_belongs_to_the_next_close(app: Flask) -> None:
    """A request that began before midnight and wrote after the close: no row is ever outside, none is in two."""
    fill(2)
    assert close(NOON + DAY) == 1
    fill(1, since=NOON + timedelta(hours=11))
    fill(1, since=NOON + DAY)
    assert close(NOON + DAY) == 0
    assert close(NOON + 2 * DAY) == 1
    assert [(row.on - FIRST).days for row in closes()] == [0, 1]
    assert [(row.first_seq, row.last_seq) for row in closes()] == [(1, 2), (3, 4)]


@pytest.mark.both_databases
@pytest.mark.race
def test_two_workers_close_a_day_once(app: Flask) -> None:
    for days in (0, 1):
        fill(2, since=NOON + days * DAY)
    at_once(app, [lambda: close(NOON + 3 * DAY) for _ in range(4)])
    assert [(row.first_seq, row.last_seq) for row in closes()] == [(1, 2), (3, 4)]
    assert problems() == []


def test_what_does_not_verify_is_not_signed(app: Flask) -> None:
    fill(3)
    fill(2, chain=0)
    tamper("UPDATE ledger_entries SET amount_fen = 1 WHERE chain = 7 AND seq = 2")
    assert close(NOON + DAY) == 1
    assert (closes(), len(closes(0))) == ([], 1)


def test_a_past_day_on_demand(app: Flask) -> None:
    for days in (0, 1):
        fill(1, since=NOON + days * DAY)
    assert services.close_days(SIGNER, NOON + 3 * DAY, FIRST) == 1
    assert [row.on for row in closes()] == [FIRST]
    with pytest.raises(DayNotOver):
        services.close_days(SIGNER, NOON, FIRST)
    shell = app.test_cli_runner()
    assert "不是日期" in shell.invoke(args=["ledger", "close", "gestern"]).output
    assert shell.invoke(args=["ledger", "close", "2199-01-01"]).exit_code == 1


def test_a_downloaded_close_is_checked_by_the_command(app: Flask, tmp_path: Path) -> None:
    fill(3)
    close(NOON + DAY)
    file, shell = tmp_path / "close.json", app.test_cli_runner()
    file.write_text(services.file_of(closes()[0]), "utf-8")
    good = shell.invoke(args=["ledger", "verify-close", str(file)])
    assert (good.exit_code, good.output) == (0, "签名有效，与账本一致。\n")
    rewrite(CHAIN, lambda line: None if line["seq"] == 3 else line)
    tamper("DELETE FROM ledger_closes")
    bad = shell.invoke(args=["ledger", "verify-close", str(file)])
    assert (bad.exit_code, bad.output.splitlines()) == (
        1,
        ["账本里没有 2026-11-20 的日结：它被删除了", "末尾第 3 行被删除（2026-11-20 日结签到第 3 行）"],
    )
    file.write_text(file.read_text("utf-8").replace('\\"rows\\":3', '\\"rows\\":4'), "utf-8")
    assert "签名不符" in shell.invoke(args=["ledger", "verify-close", str(file)]).output
    file.write_text("{}", "utf-8")
    assert "不是日结文件" in shell.invoke(args=["ledger", "verify-close", str(file)]).output


ROW = "UPDATE ledger_entries SET amount_fen = 9 WHERE chain = 7 AND seq = 2"
ALL_OF_THEM = "DELETE FROM ledger_entries WHERE chain = 7 AND seq <= 3"


def rewritten(line: dict[str, Any]) -> dict[str, Any]:
    return line | {"amount_fen": 9} if line["seq"] == 2 else line


@pytest.mark.parametrize(
    ("meddle", "told"),
    [
        (lambda: tamper(ROW), "第 2 行被改过"),
        (lambda: tamper(ROW.replace("amount_fen = 9", "previous = 'x'")), "第 2 行被改过"),
        (lambda: tamper("DELETE FROM ledger_entries WHERE chain = 7 AND seq = 1"), "第 1 行被删除"),
        (lambda: tamper(ALL_OF_THEM), "第 1 行被删除"),
        (lambda: rewrite(CHAIN, rewritten), "第 3 行不是 2026-11-20 日结签过的那一行：账本被整段改写"),
    ],
)
def test_a_downloaded_close_tells_of_a_row_that_was_changed_later(
    app: Flask, meddle: Callable[[], None], told: str
) -> None:
    fill(3)
    fill(1, since=NOON + DAY)
    close(NOON + DAY)
    file = services.file_of(closes()[0])
    assert services.check_file(file, SIGNER) == []
    meddle()
    (problem,) = services.check_file(file, SIGNER)
    assert problem.startswith(told)
    (same,) = verify.verify_close(closes()[0], SIGNER)
    assert same == problem


def test_a_close_that_was_changed_itself_is_told(app: Flask) -> None:
    fill(3)
    close(NOON + DAY)
    tamper("UPDATE ledger_closes SET content = REPLACE(content, '3003', '3004')")
    assert verify.verify_close(closes()[0], SIGNER) == ["2026-11-20 日结的内容与签名不符"]


def test_another_program_comes_to_the_same(app: Flask, tmp_path: Path) -> None:
    """Twenty lines for node's own crypto, as the documents give them: the signature and every hash of the rows."""
    fill(4)
    close(NOON + DAY)
    file, keys, rows = tmp_path / "close.json", tmp_path / "keys.json", tmp_path / "rows.json"
    file.write_text(services.file_of(closes()[0]), "utf-8")
    client = app.test_client()
    keys.write_text(client.get("/ledger/keys.json").text, "utf-8")
    rows.write_text(services.rows_file_of(closes()[0]), "utf-8")
    command = [NODE, str(RECIPE), str(file), str(keys), str(rows)]
    good = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (good.returncode, good.stdout) == (0, "ok: 2026-11-20, rows 1 to 4\n"), good.stderr
    rows.write_text(rows.read_text("utf-8").replace("1001", "1002", 1), "utf-8")
    assert "row 1" in subprocess.run(command, check=False, capture_output=True, text=True).stderr
    file.write_text(file.read_text("utf-8").replace('\\"rows\\":4', '\\"rows\\":3'), "utf-8")
    assert "signature" in subprocess.run(command, check=False, capture_output=True, text=True).stderr


def test_a_new_secret_signs_with_a_new_key_and_the_old_closes_stay_good(app: Flask, tmp_path: Path) -> None:
    fill(1)
    close(NOON + DAY)
    new = Signer("the secret after it was changed")
    fill(1, since=NOON + DAY)
    assert services.close_days(new, NOON + 2 * DAY) == 1
    old, young = closes()
    assert (old.key_id, young.key_id) == (SIGNER.key_id, new.key_id)
    assert [services.check_file(services.file_of(row), new) for row in (old, young)] == [[], []]
    assert [key["key"] for key in app.test_client().get("/ledger/keys.json").json["keys"]] == [
        SIGNER.key_id,
        new.key_id,
    ]


def test_the_manager_says_whether_it_is_right_and_headquarters_answers(app: Flask) -> None:
    fill(1)
    close(NOON + DAY)
    manager, clerk = Actor("staff", 3, "manager", CHAIN), Actor("staff", 4, "clerk", CHAIN)
    with pytest.raises(Exception, match="not_allowed"):
        services.say_right(clerk, FIRST, NOON)
    with pytest.raises(Exception, match="not_found"):
        services.say_right(Actor("staff", 3, "manager", 8), FIRST, NOON)
    with pytest.raises(ObjectionMissing):
        services.object_to(manager, FIRST, "少", NOON)
    services.object_to(manager, FIRST, "少一笔 15:20 的核销", NOON)
    (row,) = queries.list_objections()
    for _ in range(2):  # the same form twice is one word
        services.answer(Actor("operator", 1), row.id, "那一笔在次日的日结里", NOON)
    services.say_right(manager, FIRST, NOON)
    (row,) = closes()
    assert (row.objection, row.answer, row.checked_by) == ("", "", 3)
    services.say_right(manager, FIRST, NOON)  # the same form twice
    assert [(word.said, word.by_id, word.words) for word in queries.list_words(row.id)] == [
        ("objected", 3, "少一笔 15:20 的核销"),
        ("answered", 1, "那一笔在次日的日结里"),
        ("checked", 3, ""),
    ]
    assert problems() == [], "what people say about a close is not part of what was signed"


part = st.tuples(
    st.sampled_from(list(LedgerEvent)), st.sampled_from(["a", "b", ""]), st.integers(0, 10**9), st.integers(0, 1000)
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(st.lists(part, max_size=12))
def test_what_both_sides_bear_is_what_it_was_worth(parts: list[tuple[LedgerEvent, str, int, int]]) -> None:
    lines = [Line(1, n, NOON, e.value, "coupon:1", c, fen, p, "system") for n, (e, c, fen, p) in enumerate(parts, 1)]
    totals = add_up(lines)
    assert totals.rows == len(parts) == sum(total.count for total in totals.events.values())
    for slug, total in totals.campaigns.items():
        mine = [(line, 1 if line.event == "redeemed" else -1) for line in lines if line.campaign == slug]
        mine = [(line, sign) for line, sign in mine if line.event in ("redeemed", "undone")]
        assert total.headquarters_fen + total.dealer_fen == total.fen == sum(s * line.amount_fen for line, s in mine)
        assert total.dealer_fen == sum(s * dealer_part(line.amount_fen, line.dealer_permille) for line, s in mine)
        assert total.net == sum(s for _, s in mine)
    assert digest_of(text_of({"b": 1, "a": "中"})) == digest_of('{"a":"中","b":1}')


def test_the_key_comes_from_the_secret_alone(app: Flask, tmp_path: Path) -> None:
    settings = make_settings("sqlite://", tmp_path)
    assert Signer(settings.secret_key.get_secret_value()).public_key == SIGNER.public_key
    assert Signer("x").public_key != SIGNER.public_key
