"""店员发放 at the counter: a clerk shows a code for one coupon, the customer's phone takes it."""

from dataclasses import dataclass
from datetime import datetime

from app.core.security import Actor
from app.coupons.services import giving
from app.redemption.services.tickets import dealer_of


@dataclass(frozen=True, slots=True)
class Giveable:
    """A campaign whose coupons this store may hand out now."""

    slug: str
    title: str
    left: int


def list_giveable(actor: Actor, now: datetime) -> list[Giveable]:
    """What the clerk may choose from. NotAllowed."""
    rows = giving.list_giveable(dealer_of(actor), now)
    return [Giveable(row.slug, row.title, row.total - row.claimed) for row in rows]


def open_gift(actor: Actor, slug: str, now: datetime, *, secret: str) -> giving.OpenTicket:
    """One coupon for whoever scans first, for five minutes. NotAllowed, CannotGive."""
    dealer_of(actor)
    return giving.open_ticket(actor, slug, now, secret=secret)


def gift_state(gift_id: int, actor: Actor, now: datetime) -> str:
    """waiting, taken or over. NotFound."""
    return giving.ticket_state(gift_id, actor, now)
