"""Coupons of one person as candidates for lowering a price."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.coupons.models import CampaignTerms, Coupon
from app.coupons.rules import STATE_WORDS, CouponState, Terms
from app.coupons.rules.pricing import Candidate

MOST = 60
FAR = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BookingCoupon:
    """One coupon of a booking: what it takes off there, whether it is used up, who bears it."""

    title: str
    off_fen: int
    words: str
    payer: str


def list_candidates(member_id: int, booking_id: int | None = None) -> list[Candidate]:
    """What the member could use and what other bookings hold, soonest to end first.

    What this booking itself holds counts as free, and as good as it was when it was taken: it is what is being chosen.
    """
    open_states = [CouponState.ISSUED.value, CouponState.HELD.value]
    wanted = _rows().where(Coupon.member_id == member_id, Coupon.state.in_(open_states))
    found = db.session.execute(wanted.order_by(Coupon.valid_until, Coupon.id).limit(MOST))
    return [_candidate(row, booking_id) for row in found]


def list_held(booking_id: int) -> list[tuple[int, str, int]]:
    """(id, title, fen it takes off) of what a booking holds or has used up, in the order it is applied."""
    rows = db.session.execute(_rows().add_columns(Coupon.held_fen).where(Coupon.held_by == booking_id))
    found = sorted(((_candidate(row, booking_id), row.held_fen or 0) for row in rows), key=lambda pair: pair[0].order)
    return [(each.coupon_id, each.terms.title, off) for each, off in found]


def list_of_booking(booking_id: int) -> list[BookingCoupon]:
    """What a booking holds or has used up, as its papers and its store say it."""
    rows = db.session.execute(_rows().add_columns(Coupon.held_fen).where(Coupon.held_by == booking_id))
    found = sorted(((_candidate(row, None), row.held_fen or 0) for row in rows), key=lambda pair: pair[0].order)
    return [
        BookingCoupon(
            each.terms.title,
            off,
            STATE_WORDS[CouponState(each.state)],
            each.terms.payer_words(),
        )
        for each, off in found
    ]


def _rows() -> Any:
    return select(
        Coupon.id,
        Coupon.campaign_id,
        CampaignTerms.rules,
        Coupon.state,
        Coupon.valid_from,
        Coupon.valid_until,
        Coupon.held_by,
    ).join(CampaignTerms, CampaignTerms.id == Coupon.terms_id)


def _candidate(row: Any, booking_id: int | None) -> Candidate:
    own = booking_id is not None and row.held_by == booking_id
    return Candidate(
        row.id,
        row.campaign_id,
        Terms.from_json(row.rules),
        CouponState.ISSUED.value if own else row.state,
        row.valid_from,
        max(row.valid_until, FAR) if own else row.valid_until,
    )


def codes_of(coupon_ids: Collection[int]) -> dict[int, str]:
    """The numbers that stand in forms and addresses."""
    found = db.session.execute(select(Coupon.id, Coupon.code).where(Coupon.id.in_(coupon_ids)))
    return {row[0]: row[1] for row in found}
