"""守约: how often a dealer kept the times it promised."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, select

from app.booking.models import Booking
from app.core.db import db

HONOUR_DAYS = 180
HONOUR_LEAST = 5  # fewer promises say nothing


@dataclass(frozen=True, slots=True)
class HonourRate:
    """Promises that fell due (to confirm, to have the car ready) and how many of them were kept in time."""

    kept: int
    due: int

    @property
    def percent(self) -> int:
        """Rounded down: nobody has 100 who broke one."""
        return self.kept * 100 // self.due

    @property
    def text(self) -> str:
        return f"按时守约 {self.percent}%（近半年 {self.due} 次）"


def list_rates(dealer_ids: Sequence[int], now: datetime) -> dict[int, HonourRate]:
    """The rate of each of these dealers over the last half year; absent when too few promises say anything."""
    counts = Booking.default_excused_at.is_(None)
    broken_confirm, broken_ready = (
        and_(Booking.default_kind == "confirm", counts),
        and_(Booking.default_kind == "ready", counts),
    )
    confirm_due = Booking.confirmed_at.is_not(None) | func.coalesce(broken_confirm, False)
    ready_due = Booking.ready_at.is_not(None) | func.coalesce(broken_ready, False)
    confirm_kept = and_(Booking.confirmed_at.is_not(None), Booking.confirmed_at <= Booking.confirm_by)
    ready_kept = and_(Booking.ready_at.is_not(None), Booking.ready_at <= Booking.ready_by)
    kept = func.sum(case((confirm_kept, 1), else_=0) + case((ready_kept, 1), else_=0))
    due = func.sum(case((confirm_due, 1), else_=0) + case((ready_due, 1), else_=0))
    rows = db.session.execute(
        select(Booking.dealer_id, kept, due)
        .where(Booking.dealer_id.in_(dealer_ids), Booking.confirm_by >= now - timedelta(days=HONOUR_DAYS))
        .group_by(Booking.dealer_id)
    )
    rates = {dealer_id: HonourRate(int(kept), int(due)) for dealer_id, kept, due in rows}
    return {dealer_id: rate for dealer_id, rate in rates.items() if rate.due >= HONOUR_LEAST}
