"""What proves at the confirmation that this clerk saw this very code a moment ago."""

from datetime import datetime

from app.core.errors import NotAllowed
from app.core.security import Actor, constant_time_equal, fingerprint
from app.redemption.errors import TicketStale
from app.redemption.rules import TICKET_LIFE


def write_ticket(letter: str, reference: str, actor: Actor, now: datetime, secret: str) -> str:
    """Good for five minutes and for this clerk alone."""
    head = f"{letter}{reference}.{int((now + TICKET_LIFE).timestamp())}"
    return f"{head}.{_seal(head, actor, secret)}"


def read_ticket(ticket: str, actor: Actor, now: datetime, secret: str) -> tuple[str, str]:
    """(letter, reference) of what was seen. TicketStale."""
    head, _, seal = ticket.rpartition(".")
    subject, _, until = head.partition(".")
    if not head.isascii() or not seal.isascii() or not constant_time_equal(_seal(head, actor, secret), seal):
        raise TicketStale
    if int(until) < now.timestamp():
        raise TicketStale
    return subject[:1], subject[1:]


def dealer_of(actor: Actor) -> int:
    """The store somebody acts for. NotAllowed."""
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    return actor.dealer_id


def _seal(head: str, actor: Actor, secret: str) -> str:
    return fingerprint(secret, "redeem", f"{head}:{actor.id}:{actor.dealer_id}")[:32]
