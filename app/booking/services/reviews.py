"""评价: said once by the person who got the car; answered once by somebody of the dealer."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from app.booking import queries
from app.booking.errors import AnswerGiven, ReviewClosed
from app.booking.models import BookingReview, DealReminder
from app.booking.rules import BookingState
from app.booking.services.change import lock_booking, tell
from app.core import audit, publishing
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor


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
    with transaction() as session:
        booking = lock_booking(booking_id)
        if booking.state != BookingState.HANDED_OVER:
            raise ReviewClosed
        row = BookingReview(
            booking_id=booking_id,
            member_id=actor.id,
            dealer_id=booking.dealer_id,
            trim_id=booking.deal.trim_id,
            car_stars=opinion.car_stars,
            dealer_stars=opinion.dealer_stars,
            text=opinion.text,
            created_at=now,
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:
            raise ReviewClosed from None
        tell(booking_id, "reviewed", actor, now, f"车辆 {opinion.car_stars} 星，门店 {opinion.dealer_stars} 星")
        audit.record(actor, "booking_reviewed", "booking", booking_id)
        publishing.bump()


@retry_deadlock
def answer(actor: Actor, review_id: int, text: str, now: datetime) -> None:
    """What the dealer replies, once. NotAllowed, NotFound, AnswerGiven."""
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    own = BookingReview.id == review_id, BookingReview.dealer_id == actor.dealer_id
    with transaction():
        if db.session.scalar(select(BookingReview.id).where(*own)) is None:
            raise NotFound
        free = update(BookingReview).where(*own, BookingReview.answered_at.is_(None))
        if changed_rows(free.values(answer=text[:500], answered_at=now)) != 1:
            raise AnswerGiven
        audit.record(actor, "review_answered", "booking_review", review_id)
        publishing.bump()


def erase_own(member_id: int, _now: datetime) -> None:
    """The stars stay, they are nobody's; the words of both sides go, and so do the wishes to be reminded."""
    with transaction():
        changed_rows(update(BookingReview).where(BookingReview.member_id == member_id).values(text="", answer=""))
        changed_rows(delete(DealReminder).where(DealReminder.member_id == member_id))
        publishing.bump()


def reassign_own(from_id: int, to_id: int) -> None:
    """Reviews and reminders follow the person to the other account; of two reminders of one deal one stays."""
    with transaction():
        changed_rows(update(BookingReview).where(BookingReview.member_id == from_id).values(member_id=to_id))
        double = select(DealReminder.deal_id).where(DealReminder.member_id == to_id)
        mine = DealReminder.member_id == from_id
        changed_rows(delete(DealReminder).where(mine, DealReminder.deal_id.in_(double)))
        changed_rows(update(DealReminder).where(mine).values(member_id=to_id))
