"""What the page of a deal says about its car: colours, what it cost before; and lists written as lines."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.booking.models import OnePriceDeal
from app.catalog.models import Colour, Trim
from app.catalog.pricing import PriceKind
from app.catalog.queries.prices import price_history
from app.catalog.rules import ColourSide
from app.core.clock import local
from app.core.db import db

KINDS = {PriceKind.GUIDE.value: "厂商指导价", PriceKind.DEAL.value: "一口价", PriceKind.PROMO.value: "门店促销价"}


@dataclass(frozen=True, slots=True)
class ColourChoice:
    """A colour the car of a deal comes in, with what it costs more."""

    name: str
    hex: str
    surcharge_fen: int


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One price of a car that was or is in force, in words for a table."""

    kind: str
    fen: int
    since: str
    until: str


def list_lines(text: str) -> list[str]:
    """What was written line by line or with semicolons."""
    return [part.strip() for part in re.split(r"[\n；;]", text) if part.strip()]


def list_colours(series_id: int) -> list[ColourChoice]:
    """The outside colours a car of this series is sold in, in their order."""
    wanted = (
        select(Colour.name, Colour.hex, Colour.surcharge_fen)
        .where(Colour.series_id == series_id, Colour.side == ColourSide.EXTERIOR, Colour.withdrawn.is_(False))
        .order_by(Colour.position, Colour.id)
    )
    return [ColourChoice(*found) for found in db.session.execute(wanted)]


def find_surcharge(deal_id: int, colour: str) -> int | None:
    """What this colour costs more on the car of a deal; None when it is not sold in it."""
    wanted = (
        select(Colour.surcharge_fen)
        .join(Trim, Trim.series_id == Colour.series_id)
        .join(OnePriceDeal, OnePriceDeal.trim_id == Trim.id)
        .where(OnePriceDeal.id == deal_id, Colour.name == colour)
        .where(Colour.side == ColourSide.EXTERIOR, Colour.withdrawn.is_(False))
    )
    return db.session.scalar(wanted)


def list_prices(trim_id: int, now: datetime, limit: int = 6) -> list[PriceLine]:
    """What this car cost lately, newest first: what runs now and what ran before, never what is still to come."""
    past = [p for p in price_history(trim_id) if p.since <= now]
    return [
        PriceLine(KINDS[p.kind], p.fen, _day(p.since), "至今" if p.until is None or p.until > now else _day(p.until))
        for p in reversed(past[-limit:])
    ]


def _day(moment: datetime) -> str:
    return f"{local(moment):%Y-%m-%d}"
