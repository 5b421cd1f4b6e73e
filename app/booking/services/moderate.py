"""Reviews that headquarters take off the pages, with a reason that is kept; and put back."""

from datetime import datetime

from sqlalchemy import select

from app.booking.errors import ReasonNeeded
from app.booking.models import BookingReview
from app.core import audit, publishing
from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor

MIN_REASON, MAX_REASON = 4, 120


def hide_review(actor: Actor, review_id: int, reason: str, now: datetime) -> bool:
    """Show a review to nobody and count it nowhere; its text is kept. False when it was hidden already.

    NotFound, ReasonNeeded.
    """
    reason = " ".join(reason.split())[:MAX_REASON]
    if len(reason) < MIN_REASON:
        raise ReasonNeeded("请写明隐藏原因，至少 4 个字。")
    with transaction():
        review = _lock(actor, review_id)
        if review.hidden_at is not None:
            return False
        review.hidden_at = now
        audit.record(actor, "review_hidden", "review", review_id, reason=reason)
        publishing.bump()
        return True


def show_review(actor: Actor, review_id: int) -> bool:
    """Show a hidden review again. False when it was shown. NotFound."""
    with transaction():
        review = _lock(actor, review_id)
        if review.hidden_at is None:
            return False
        review.hidden_at = None
        audit.record(actor, "review_shown", "review", review_id)
        publishing.bump()
        return True


def _lock(actor: Actor, review_id: int) -> BookingReview:
    if actor.kind != "operator":
        raise NotAllowed
    wanted = select(BookingReview).where(BookingReview.id == review_id).with_for_update(of=BookingReview)
    review = db.session.scalar(wanted.execution_options(populate_existing=True))
    if review is None:
        raise NotFound("没有这条评价。")
    return review
