"""The read side of headquarters' page about reviews and kept promises."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.booking.models import Booking, BookingReview
from app.booking.queries.honour import HONOUR_DAYS, HonourRate, list_rates
from app.core.audit import AuditEntry
from app.core.clock import say
from app.core.db import db
from app.dealers.models import Dealer


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One review with the booking it belongs to; `reason` is why it is hidden."""

    id: int
    no: str
    car_name: str
    dealer: str
    car_stars: int
    dealer_stars: int
    text: str
    answer: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class HonourRow:
    """One dealer over the last half year; `rate` is None where too few promises fell due to show one."""

    dealer: str
    bookings: int
    missed: int
    excused: int
    rate: HonourRate | None


def list_reviews(*, hidden: bool, limit: int = 100) -> list[ReviewRow]:
    """Reviews that are shown, or those that are hidden, the latest first."""
    rows = db.session.execute(
        select(BookingReview, Booking.no, Booking.car_name, Dealer.name)
        .join(Booking, Booking.id == BookingReview.booking_id)
        .join(Dealer, Dealer.id == BookingReview.dealer_id)
        .where(BookingReview.hidden_at.is_not(None) if hidden else BookingReview.hidden_at.is_(None))
        .order_by(BookingReview.id.desc())
        .limit(limit)
    ).all()
    reasons = _reasons([row[0].id for row in rows]) if hidden else {}
    return [
        ReviewRow(
            review.id, no, car, dealer, review.car_stars, review.dealer_stars, review.text, review.answer,
            say(review.created_at), reasons.get(review.id, ""),
        )
        for review, no, car, dealer in rows
    ]  # fmt: skip


def _reasons(review_ids: list[int]) -> dict[int, str]:
    """Why each was hidden, as the audit trail says; the last word counts."""
    rows = db.session.execute(
        select(AuditEntry.subject_id, AuditEntry.detail)
        .where(
            AuditEntry.subject_kind == "review",
            AuditEntry.action == "review_hidden",
            AuditEntry.subject_id.in_(review_ids),
        )
        .order_by(AuditEntry.id)
    )
    return {review_id: str(detail.get("reason", "")) for review_id, detail in rows if review_id is not None}


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
