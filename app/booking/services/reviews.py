"""评价 of a booking: said once by the person who got the car. What is said lives in the reviews' room."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.booking import queries
from app.booking.errors import ReviewClosed
from app.booking.models import Booking, BookingReview
from app.booking.rules import BookingState
from app.booking.services.change import lock_booking, tell
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.reviews.errors import AlreadyReviewed
from app.reviews.rules import SubjectKind
from app.reviews.services import NewReview, write_review


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the form says."""

    car_stars: int
    dealer_stars: int
    text: str = ""


@retry_deadlock
def review(actor: Actor, no: str, opinion: Opinion, now: datetime) -> None:
    """Keep what the customer says of the car and of the dealer, once. NotFound, ReviewClosed."""
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    booking_id = queries.get_booking(no, actor.id).id
    with transaction():
        booking = lock_booking(booking_id)
        if booking.state != BookingState.HANDED_OVER:
            raise ReviewClosed
        try:
            write_review(actor, _of(booking, opinion), now)
        except AlreadyReviewed:
            raise ReviewClosed from None
        tell(booking_id, "reviewed", actor, now, f"车辆 {opinion.car_stars} 星，门店 {opinion.dealer_stars} 星")


def _of(booking: Booking, opinion: Opinion) -> NewReview:
    return NewReview(
        kind=SubjectKind.BOOKING,
        subject_id=booking.id,
        subject_no=booking.no,
        dealer_id=booking.dealer_id,
        about=booking.car_name,
        name=booking.contact_name,
        dealer_stars=opinion.dealer_stars,
        car_stars=opinion.car_stars,
        trim_id=booking.deal.trim_id,
        text=opinion.text,
    )


def adopt_left_over(most: int = 50) -> int:
    """Move what a process of the release before wrote into its own table during an upgrade; how many."""
    with transaction():
        rows = db.session.execute(select(BookingReview, Booking).join(Booking).limit(most)).all()
        for row, booking in rows:
            said = _of(booking, Opinion(row.car_stars, row.dealer_stars, row.text))
            with suppress(AlreadyReviewed):  # said again in the new release meanwhile: that word counts
                write_review(Actor("member", row.member_id), said, row.created_at)
            db.session.delete(row)
        return len(rows)
