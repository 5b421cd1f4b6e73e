"""`flask reconcile DATE`."""

from datetime import date

import click
from flask import Blueprint, current_app

from app.core import clock
from app.core.errors import ConfigError, DomainError
from app.core.money import format_yuan
from app.reconciliation import queries
from app.reconciliation.services.reconcile import reconcile

blueprint = Blueprint("reconciliation_cli", __name__, cli_group=None)


class _WrongDay(click.ClickException):
    exit_code = 2


class _NotDone(click.ClickException):
    exit_code = 1


@blueprint.cli.command("reconcile")
@click.argument("day", metavar="DATE")
def reconcile_command(day: str) -> None:
    """Compare one day (YYYY-MM-DD) with WeChat Pay's bills.

    Exit code 0: everything agrees. 3: differences wait in the back office. 1: there is no bill yet. 2: not a day that
    can be reconciled.
    """
    try:
        wanted = date.fromisoformat(day) if len(day) == len("2025-01-01") else None
    except ValueError:
        wanted = None
    if wanted is None:
        raise _WrongDay(f"“{day}” 不是日期，请写成 2025-01-31 这样。")
    try:
        outcome = reconcile(wanted, current_app.extensions["pay"], clock.now())
    except DomainError as refusal:
        raise _WrongDay(refusal.message) from None
    except ConfigError as problem:
        raise _NotDone(str(problem)) from None
    if not outcome.done:
        raise _NotDone(f"{day} 还没有对账：{outcome.note}。")
    _tell(wanted, outcome.note, outcome.open_lines)
    if outcome.open_lines:
        raise click.exceptions.Exit(3)


def _tell(day: date, note: str, open_lines: int) -> None:
    row = queries.find_day(day)
    figures = row.figures if row else {}

    def fen(name: str) -> str:
        return format_yuan(int(figures.get(name, 0)))

    click.echo(f"{day} 对账完成。{note}")
    click.echo(f"我方 收款 {fen('ours_paid')} 退款 {fen('ours_refunded')}")
    click.echo(f"微信 收款 {fen('theirs_paid')} 退款 {fen('theirs_refunded')} 手续费 {fen('fees')}")
    click.echo(f"累计 收入 {fen('ever_in')} = 支出 {fen('ever_out')} + 留存 {fen('ever_held')}")
    click.echo(f"待处理差异 {open_lines} 条" + ("，请到后台「对账」处理。" if open_lines else ""))
