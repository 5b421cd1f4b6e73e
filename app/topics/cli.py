"""Special pages in and out of a file."""

import json
from pathlib import Path
from typing import Any

import click
from flask import Blueprint

from app.core import clock
from app.core.errors import DomainError
from app.core.security import SYSTEM
from app.topics import queries, services
from app.topics.errors import BlockUnfit

blueprint = Blueprint("topics_commands", __name__, cli_group=None)


@blueprint.cli.command("import-topics")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_topics(file: Path) -> None:
    """Create or replace the pages of a JSON file and publish them; what is unchanged stays as it is.

    Exit 1 with every problem on a line of its own; pages without problems are kept.
    """
    problems: list[str] = []
    for entry in _entries(file):
        name = str(entry.get("slug", "?"))[:60]
        try:
            changed = services.import_topic(SYSTEM, entry, clock.now())
        except BlockUnfit as refusal:
            problems += [f"{name}: {words}" for words in refusal.problems.values()]
        except DomainError as refusal:
            problems.append(f"{name}: {refusal.message}")
        else:
            click.echo(f"{name}: {'published' if changed else 'unchanged'}")
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)


def _entries(file: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(file.read_text("utf-8"))
        entries = content["topics"]
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise click.ClickException(f'{file.name}: 不是专题文件，应为 {{"topics": […]}} 的 JSON。') from None
    return entries


@blueprint.cli.command("export-topics")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export_topics(file: Path) -> None:
    """Write every page's present draft to a JSON file that `import-topics` reads."""
    topics = queries.export_topics()
    file.write_text(json.dumps({"topics": topics}, ensure_ascii=False, indent=2) + "\n", "utf-8")
    click.echo(f"{len(topics)} pages")
