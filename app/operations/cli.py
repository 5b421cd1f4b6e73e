"""`flask doctor`."""

import sys

import click
from flask import Blueprint, Flask, current_app

from app.core.web import settings
from app.operations import doctor

blueprint = Blueprint("operations_commands", __name__, cli_group=None)
MARKS = {doctor.Level.OK: "正常", doctor.Level.WARNING: "注意", doctor.Level.FAILED: "失败"}
COLOURS = {doctor.Level.OK: "green", doctor.Level.WARNING: "yellow", doctor.Level.FAILED: "red"}


@blueprint.cli.command("doctor")
def run_doctor() -> None:
    """Examine this deployment; exits with 1 if something failed. Changes nothing."""
    app: Flask = current_app._get_current_object()  # pyright: ignore
    counted = dict.fromkeys(doctor.Level, 0)
    for line in doctor.examine(app, settings()):
        counted[line.level] += 1
        click.echo(click.style(MARKS[line.level], fg=COLOURS[line.level]) + f"  {line.subject}：{line.found}")
        if line.advice:
            click.echo(f"      → {line.advice}")
    click.echo("，".join(f"{MARKS[level]} {number}" for level, number in counted.items()))
    if counted[doctor.Level.FAILED]:
        sys.exit(1)
