"""`flask ledger …`: verify the chains, close days, check a downloaded close."""

import time
from pathlib import Path
from typing import Any

import click
from flask import Blueprint

from app.core import clock
from app.core.db import db
from app.core.errors import DomainError
from app.ledger import queries, shown
from app.ledger.services import close, verify

blueprint = Blueprint("ledger_cli", __name__, cli_group="ledger")


class _Wrong(click.ClickException):
    exit_code = 1

    def show(self, file: Any = None) -> None:
        click.echo(self.message)


@blueprint.cli.command("verify")
@click.option("--chain", type=int, help="One chain: a store's number, 0 for headquarters [default: all].")
@click.option("--from", "first", type=click.IntRange(min=1), default=1, help="Begin at this row, trusting the former.")
def verify_command(chain: int | None, first: int) -> None:
    """Recompute every row, daily close and key. Exit code 0: all of it holds; 1: a line for each problem."""
    signer, begun, rows = shown.signer(), time.monotonic(), 0
    found = 0
    for problem in verify.verify_keys(signer):
        click.echo(problem)
        found += 1
    chains = queries.list_chain_ids() if chain is None else [chain]
    for number in chains:
        report = (
            verify.check_chain(number, signer, clock.now(), whole=True)
            if first == 1
            else verify.verify_chain(number, signer, first)
        )
        rows += report.rows
        for problem in report.problems:
            click.echo(f"链 {number}（{queries.name_of(number)}）：{shown.in_words(problem)}")
            found += 1
    db.session.rollback()
    seconds = time.monotonic() - begun
    if found:
        raise _Wrong(f"{len(chains)} 条链，{rows} 行之后发现 {found} 处不符。")
    click.echo(f"{len(chains)} 条链，{rows} 行，全部相符（{seconds:.1f} 秒）。")


@blueprint.cli.command("close")
@click.argument("day", metavar="[DATE]", required=False)
def close_command(day: str | None) -> None:
    """Close every day up to DATE (YYYY-MM-DD, default yesterday) that is not closed yet, in order."""
    try:
        until = clock.read_day(day) if day else None
        closed = close.close_days(shown.signer(), clock.now(), until)
    except ValueError:
        raise _Wrong(f"“{day}” 不是日期，请写成 2025-01-31 这样。") from None
    except DomainError as refusal:
        raise _Wrong(refusal.message) from None
    click.echo(f"日结 {closed} 份。")


@blueprint.cli.command("verify-close")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def verify_close_command(file: Path) -> None:
    """Check a close that a store has downloaded: its signature, and that this ledger still says the same."""
    try:
        problems = close.check_file(file.read_text("utf-8", "replace"), shown.signer())
    except DomainError as refusal:
        raise _Wrong(refusal.message) from None
    if problems:
        raise _Wrong("\n".join(map(shown.in_words, problems)))
    click.echo("签名有效，与账本一致。")
