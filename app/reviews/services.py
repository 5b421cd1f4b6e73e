"""The write side of the reviews: said once, answered once, hidden with a reason, forgotten with the person."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.core import audit, publishing
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.members.rules import mask_name
from app.reviews import rules
from app.reviews.errors import (
    AlreadyReviewed,
    AnswerMissing,
    HidingReasonMissing,
    LeadersAnswer,
    ReviewAnswered,
    ReviewNotFound,
    StarsMissing,
)
from app.reviews.models import Review
from app.reviews.rules import STARS, SubjectKind

MIN_REASON, MAX_REASON = 4, 120


@dataclass(frozen=True, slots=True)
class NewReview:
    """What is said, and of what. Whoever writes it has made sure that the member really was there.

    `name` is the person's name as the room knows it: it is kept masked.
    """

    kind: SubjectKind
    subject_id: int
    subject_no: str
    dealer_id: int
    about: str
    name: str
    dealer_stars: int
    car_stars: int | None = None
    trim_id: int | None = None
    text: str = ""


def write_review(actor: Actor, said: NewReview, now: datetime) -> int:
    """Keep a review, once for each booking, test drive or redemption; joins the caller's transaction.

    NotFound for anybody but a member, StarsMissing, AlreadyReviewed.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    if said.dealer_stars not in STARS or said.car_stars not in {*STARS, None}:
        raise StarsMissing
    row = Review(
        subject_kind=said.kind, subject_id=said.subject_id, subject_no=said.subject_no[:40], member_id=actor.id,
        dealer_id=said.dealer_id, trim_id=said.trim_id, author=mask_name(said.name), about=said.about[:160],
        dealer_stars=said.dealer_stars, car_stars=said.car_stars, text=rules.clean(said.text), created_at=now,
    )  # fmt: skip
    with transaction() as session:
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:
            raise AlreadyReviewed from None
        audit.record(actor, "review_written", "review", row.id, kind=said.kind.value, of=said.subject_id)
        publishing.bump()
        return row.id


def answer_review(actor: Actor, review_id: int, text: str, now: datetime) -> None:
    """What the dealer replies, once and in public: a leading person's word.

    NotAllowed, LeadersAnswer, ReviewNotFound, AnswerMissing, ReviewAnswered.
    """
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    if actor.role not in rules.ANSWERING:
        raise LeadersAnswer
    text = rules.clean(text, rules.MAX_ANSWER)
    if not text:
        raise AnswerMissing
    own = Review.id == review_id, Review.dealer_id == actor.dealer_id
    with transaction():
        if db.session.scalar(select(Review.id).where(*own)) is None:
            raise ReviewNotFound
        free = update(Review).where(*own, Review.answered_at.is_(None))
        if changed_rows(free.values(answer=text, answered_at=now)) != 1:
            raise ReviewAnswered
        audit.record(actor, "review_answered", "review", review_id)
        publishing.bump()


def hide_review(actor: Actor, review_id: int, reason: str, now: datetime) -> bool:
    """Show a review to nobody and count it nowhere; its text is kept. False when it was hidden already.

    NotAllowed, ReviewNotFound, HidingReasonMissing.
    """
    reason = " ".join(reason.split())[:MAX_REASON]
    if len(reason) < MIN_REASON:
        raise HidingReasonMissing
    with transaction():
        review = _lock(actor, review_id)
        if review.hidden_at is not None:
            return False
        review.hidden_at = now
        audit.record(actor, "review_hidden", "review", review_id, reason=reason)
        publishing.bump()
        return True


def show_review(actor: Actor, review_id: int) -> bool:
    """Show a hidden review again. False when it was shown. NotAllowed, ReviewNotFound."""
    with transaction():
        review = _lock(actor, review_id)
        if review.hidden_at is None:
            return False
        review.hidden_at = None
        audit.record(actor, "review_shown", "review", review_id)
        publishing.bump()
        return True


def erase_own(member_id: int, _now: datetime) -> None:
    """The stars stay, they are nobody's; the words of both sides and the initial go."""
    with transaction():
        mine = update(Review).where(Review.member_id == member_id)
        if changed_rows(mine.values(text="", answer="", author="*")):
            publishing.bump()


def reassign_own(from_id: int, to_id: int) -> None:
    """Reviews follow the person to the other account."""
    with transaction():
        changed_rows(update(Review).where(Review.member_id == from_id).values(member_id=to_id))


def _lock(actor: Actor, review_id: int) -> Review:
    if actor.kind != "operator":
        raise NotAllowed
    wanted = select(Review).where(Review.id == review_id).with_for_update(of=Review)
    review = db.session.scalar(wanted.execution_options(populate_existing=True))
    if review is None:
        raise ReviewNotFound
    return review
