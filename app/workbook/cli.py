"""Commands: import a workbook, export one."""

from datetime import date, datetime
from pathlib import Path
from typing import cast

import click
from flask import Blueprint, current_app
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.core import clock
from app.core.errors import GatewayError
from app.core.money import format_yuan
from app.workbook import exporting, rules, services
from app.workbook.errors import WorkbookRefused
from app.workbook.layout import LAYOUT
from app.workbook.rules import Change, Plan, Validity

blueprint = Blueprint("workbook", __name__, cli_group=None)

SHOWN_ROWS = 20


@blueprint.cli.command("import-workbook")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--pictures", type=click.Path(path_type=Path, file_okay=False, exists=True), help="图片文件夹")
@click.option("--dry-run", is_flag=True, help="只说会改什么，不改任何内容")
@click.option("--move-dates-to", "target", help="演示用：把活动日期整体平移到这一天（YYYY-MM-DD 或 today）")
def import_workbook(file: Path, pictures: Path | None, dry_run: bool, target: str | None) -> None:
    """导入表格：.xlsx、csv 文件夹或 zip。全部成功或什么都不改。"""
    days = (_day(target) - rules.DEMO_DAY).days if target else 0
    storage = current_app.extensions["storage"]
    try:
        plan = services.import_workbook(file, storage, pictures=pictures, dry_run=dry_run, move_days=days)
    except WorkbookRefused as refused:
        for problem in refused.problems:
            click.echo(str(problem))
        click.echo(f"共 {len(refused.problems)} 个问题，没有导入任何内容。", err=True)
        raise SystemExit(1) from None
    except (OperationalError, ProgrammingError) as error:
        message = "数据库不可用，可能还没有建表：请先运行 flask db upgrade"
        raise click.ClickException(f"{message}（{type(error.orig).__name__}）") from error
    _say(plan, dry_run)


@blueprint.cli.command("export-workbook")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export_workbook(file: Path) -> None:
    """导出表格：.xlsx，或连同图片的 .zip；重新导入不会产生任何改动。"""
    if file.suffix.lower() not in {".xlsx", ".zip"}:
        raise click.BadParameter("文件名应以 .xlsx 或 .zip 结尾")
    try:
        exporting.export_workbook(file, current_app.extensions["storage"])
    except GatewayError as error:
        raise click.ClickException(f"图片存储没有响应（{error.code}），请稍后重试") from error
    except OSError as error:
        raise click.ClickException(f"写不了 {file}：{error.strerror}") from error
    click.echo(f"已导出到 {file}")


def _day(text: str) -> date:
    if text == "today":
        return clock.today()
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise click.BadParameter("应为 YYYY-MM-DD 或 today", param_hint="--move-dates-to") from None


def _say(plan: Plan, dry_run: bool) -> None:
    """Tell counts per sheet; a dry run also tells every row, an import the first ones."""
    click.echo("试运行，没有改动任何内容：" if dry_run else "导入完成：")
    for name, sheet in plan.sheets.items():
        counts = f"新增 {len(sheet.added)}，修改 {len(sheet.changed)}，撤下 {len(sheet.withdrawn)}"
        click.echo(f"  {name}：{counts}，未变 {sheet.unchanged}")
        lines = [f"修改 {_difference(name, change)}" for change in sheet.changed]
        lines += [f"撤下 {change.key}" for change in sheet.withdrawn]
        if dry_run:
            lines = [f"新增 {change.key}" for change in sheet.added] + lines
        shown = lines if dry_run else lines[:SHOWN_ROWS]
        for line in shown:
            click.echo(f"    {line}")
        if len(lines) > len(shown):
            click.echo(f"    …还有 {len(lines) - len(shown)} 行")


def _difference(sheet: str, change: Change) -> str:
    titles = {column.field: column.title for column in LAYOUT[sheet].columns} if sheet in LAYOUT else {}
    titles |= {"withdrawn": "撤下", "frames": "环视图"}
    words = [
        f"{titles.get(field, field)} {_word(field, old)} → {_word(field, new)}"
        for field, (old, new) in change.fields.items()
    ]
    return f"{change.key}（{'；'.join(words)}）" if words else change.key


def _word(field: str, value: object) -> str:
    if isinstance(value, datetime):
        return clock.local(value).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Validity):
        return f"{value.days} 天" if value.days else _word(field, value.until)
    if field.endswith("_fen") and isinstance(value, int):
        return format_yuan(value)
    if isinstance(value, tuple):
        return f"{len(value)} 项"
    text = {None: "空", True: "是", False: "否", "": "空"}.get(cast(str | bool | None, value), str(value))
    return text if len(text) <= 40 else text[:39] + "…"
