"""Commands about staff."""

import click
from flask import Blueprint

from app.core import clock
from app.core.errors import DomainError
from app.core.qr import terminal_qr
from app.core.security import SYSTEM
from app.core.web import settings
from app.staff import queries, rules, services

blueprint = Blueprint("staff_commands", __name__, cli_group=None)


@blueprint.cli.command("invite-staff")
@click.argument("dealer_slug")
@click.option("--name", required=True, help="The person's name as the store sees it.")
@click.option("--role", type=click.Choice(list(rules.ROLES)), default="clerk", show_default=True)
@click.option("--qr", is_flag=True, help="Also draw the link as a QR code.")
def invite_staff(dealer_slug: str, name: str, role: str, qr: bool) -> None:
    """Print a link, good once and for three days, that makes its opener staff of a store."""
    dealer_id = queries.find_dealer_id(dealer_slug)
    if dealer_id is None:
        raise click.ClickException(f"no dealer with the code {dealer_slug}")
    try:
        _, token = services.invite_staff(dealer_id, name, role, SYSTEM, clock.now())
    except DomainError as refusal:
        raise click.ClickException(refusal.message) from None
    link = f"{settings().public_base_url.rstrip('/')}/staff/invitations/{token}"
    click.echo(link)
    if qr:
        click.echo(terminal_qr(link))
