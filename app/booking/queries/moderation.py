"""The read side of headquarters' page about kept promises."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.booking.models import Booking
from app.booking.queries.honour import HONOUR_DAYS, HonourRate, list_rates
from app.core.db import db
from app.dealers.models import Dealer


@dataclass(frozen=True, slots=True)
class HonourRow:
    """One dealer over the last half year; `rate` is None where too few promises fell due to show one."""

    dealer: str
    bookings: int
    missed: int
    excused: int
    rate: HonourRate | None


def list_honour(now: datetime) -> list[HonourRow]:
    """Every dealer that had bookings paid in the last half year, those with broken promises first."""
    rows = db.session.execute(
        select(
            Dealer.id,
            Dealer.name,
            func.count(),
            func.count(Booking.defaulted_at),
            func.count(Booking.default_excused_at),
        )
        .join(Booking, Booking.dealer_id == Dealer.id)
        .where(Booking.confirm_by >= now - timedelta(days=HONOUR_DAYS))
        .group_by(Dealer.id, Dealer.name)
    ).all()
    rates = list_rates([row[0] for row in rows], now)
    lines = [HonourRow(name, many, missed, excused, rates.get(number)) for number, name, many, missed, excused in rows]
    return sorted(lines, key=lambda line: (-(line.missed - line.excused), line.dealer))
