"""Who takes part in a deal: with what stock of its own, and how it kept its promises."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.booking.models import DealDealer, OnePriceDeal
from app.booking.queries.deals import DealCard, card_of, get_row, participating
from app.booking.queries.honour import HonourRate, list_rates
from app.core.db import db
from app.dealers.models import Dealer

SHOWN_DEALERS = 4


@dataclass(frozen=True, slots=True)
class TakingPart:
    """A dealer of a deal: `units_left` where it has units of its own, and how it kept its promises."""

    id: int
    slug: str
    name: str
    city: str
    district: str
    address: str
    phone: str
    hours: str
    units_left: int | None
    honour: HonourRate | None

    @property
    def meta(self) -> list[str]:
        """What stands below its name."""
        left = [] if self.units_left is None else [f"本店余 {self.units_left} 台" if self.units_left else "本店已订完"]
        return [self.district or self.city, *left, *([self.honour.text] if self.honour else [])]


def list_taking_part(
    deal: "OnePriceDeal | Any", now: datetime, city: str | None = None, limit: int = 60
) -> list[TakingPart]:
    """The dealers of a deal with their own stock and how they kept their promises, by city and name."""
    wanted = participating(deal)
    if city:
        wanted = wanted.where(Dealer.city == city)
    rows = list(db.session.scalars(wanted.order_by(Dealer.city, Dealer.name).limit(limit)))
    ids = [dealer.id for dealer in rows]
    own: dict[int, int | None] = {}
    if deal.stock_by_dealer:
        units = select(DealDealer.dealer_id, DealDealer.units_left).where(DealDealer.deal_id == deal.id)
        own = {dealer_id: left or 0 for dealer_id, left in db.session.execute(units)}
    rates = list_rates(ids, now)
    return [
        TakingPart(
            d.id, d.slug, d.name, d.city, d.district, d.address, d.phone, d.hours, own.get(d.id), rates.get(d.id)
        )
        for d in rows
    ]


def get_taking_part(
    slug: str, now: datetime, city: str | None = None, limit: int = 60
) -> tuple[DealCard, list[TakingPart]]:
    """The same by the deal's address; NotFound."""
    row = get_row(slug)
    return card_of(row, now), list_taking_part(row, now, city, limit)
