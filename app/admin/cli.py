"""Commands about operators."""

import click
from flask import Blueprint

from app.admin import rules, services
from app.core import clock, ids
from app.core.errors import DomainError
from app.core.qr import terminal_qr
from app.core.web import settings

blueprint = Blueprint("admin_commands", __name__, cli_group=None)


@blueprint.cli.command("create-operator")
@click.argument("login")
@click.option("--generate", is_flag=True, help="Make up a password and print it instead of asking for one.")
def create_operator(login: str, generate: bool) -> None:
    """Create an operator of the back office: a password and an authenticator app."""
    if generate:
        password = ids.public_code(20)
    else:
        password = click.prompt(
            f"密码（至少 {rules.MIN_PASSWORD} 个字符）", hide_input=True, confirmation_prompt="再输一次"
        )
    try:
        _, uri = services.create_operator(login, password, clock.now())
    except DomainError as refusal:
        raise click.ClickException(refusal.message) from None
    if generate:
        click.echo(f"密码: {password}")
    click.echo("用身份验证器应用扫描下面的二维码，或输入其中的 secret；它只显示这一次。")
    click.echo(uri)
    click.echo(terminal_qr(uri))
    click.echo(f"登录: {settings().public_base_url.rstrip('/')}/admin/login")
