"""Commands of the messages."""

import json
from pathlib import Path
from typing import Any, cast

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from app.core.errors import GatewayError
from app.gateways.wechat.port import WeChatGateway

menu_group = AppGroup("wechat-menu", help="The official account's menu.")


def _gateway() -> WeChatGateway:
    return cast(WeChatGateway, current_app.extensions["wechat"])


@menu_group.command("push")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def push_command(file: Path) -> None:
    """Replace the menu by the JSON in FILE (as WeChat's menu/create takes it)."""
    try:
        menu: Any = json.loads(file.read_text("utf-8"))
    except ValueError as exc:
        raise click.ClickException(f"{file}: not JSON ({exc})") from None
    problems = menu_problems(menu)
    if problems:
        raise click.ClickException("\n".join(problems))
    try:
        _gateway().push_menu(menu)
    except GatewayError as exc:
        raise click.ClickException(f"WeChat refused the menu: {exc.code} {exc.detail}") from None
    click.echo("menu replaced; phones show it within five minutes, or after following again")


@menu_group.command("show")
def show_command() -> None:
    """Print the menu as WeChat has it."""
    try:
        click.echo(json.dumps(_gateway().fetch_menu(), ensure_ascii=False, indent=2))
    except GatewayError as exc:
        raise click.ClickException(f"WeChat did not answer: {exc.code}") from None


def menu_problems(menu: Any) -> list[str]:
    """What WeChat would refuse, a line each: three buttons, five below each, a type or entries for every button."""
    buttons = cast("dict[str, Any]", menu).get("button") if isinstance(menu, dict) else None
    if not isinstance(buttons, list) or not 1 <= len(cast("list[Any]", buttons)) <= 3:
        return ["button: a list of one to three"]
    problems: list[str] = []
    for number, button in enumerate(cast("list[Any]", buttons), 1):
        below = button.get("sub_button") if isinstance(button, dict) else None
        entries = cast("list[Any]", below) if isinstance(below, list) and below else [button]
        if len(entries) > 5:
            problems.append(f"button {number}: at most five entries")
        problems += [f"button {number}: {problem}" for entry in entries if (problem := _entry_problem(entry))]
    return problems


def _entry_problem(entry: Any) -> str | None:
    if not isinstance(entry, dict) or not cast("dict[str, Any]", entry).get("name"):
        return "name missing"
    known = cast("dict[str, Any]", entry)
    needs = {"click": "key", "view": "url"}.get(str(known.get("type")))
    if needs is None:
        return f"{known['name']}: type must be click or view"
    return None if known.get(needs) else f"{known['name']}: {needs} missing"


def register(app: Flask) -> None:
    """Called once by the factory."""
    app.cli.add_command(menu_group)
