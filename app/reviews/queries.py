"""The read side of the reviews. Other rooms show them by these names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from app.catalog.models import Series, Trim
from app.core.audit import AuditEntry
from app.core.clock import local, say
from app.core.db import db
from app.core.errors import NotFound
from app.dealers.models import Dealer
from app.reviews.models import Review
from app.reviews.rules import KIND_WORDS, SubjectKind

PAGE = SHOWN_REVIEWS = 20


@dataclass(frozen=True, slots=True)
class Rating:
    """The mean of the stars and of how many reviews it is made."""

    mean: float
    count: int

    @property
    def text(self) -> str:
        return f"★ {self.stars}（{self.count}）"

    @property
    def stars(self) -> str:
        """4.6"""
        return f"{self.mean:.1f}"


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A review as everybody may read it: plain values, the name masked. `visit` says what it was: 交车 · 岫 S5."""

    id: int
    name: str
    visit: str
    dealer_name: str
    dealer_slug: str
    car_stars: int | None
    dealer_stars: int
    text: str
    day: str
    answer: str


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One review as headquarters read it; `reason` is why it is hidden."""

    id: int
    kind: str
    no: str
    visit: str
    dealer: str
    car_stars: int | None
    dealer_stars: int
    text: str
    answer: str
    at: str
    reason: str


def rate_series(slug: str) -> Rating | None:
    """What people say of the cars of a series; None while nobody said anything."""
    of_series = (
        select(func.avg(Review.car_stars), func.count(Review.car_stars))
        .join(Trim, Trim.id == Review.trim_id)
        .join(Series, Series.id == Trim.series_id)
        .where(Series.slug == slug, Review.hidden_at.is_(None), Review.car_stars.is_not(None))
    )
    mean, count = db.session.execute(of_series).one()
    return Rating(float(mean), count) if count else None


def rate_dealers(dealer_ids: Sequence[int]) -> dict[int, Rating]:
    """What people say of these dealers; one nobody spoke of is absent."""
    rows = db.session.execute(
        select(Review.dealer_id, func.avg(Review.dealer_stars), func.count())
        .where(Review.dealer_id.in_(dealer_ids), Review.hidden_at.is_(None))
        .group_by(Review.dealer_id)
    )
    return {dealer_id: Rating(float(mean), count) for dealer_id, mean, count in rows}


def list_series_reviews(slug: str, limit: int = PAGE) -> list[ReviewLine]:
    """The newest reviews of the cars of a series that are not hidden."""
    of_series = (
        _shown()
        .join(Trim, Trim.id == Review.trim_id)
        .join(Series, Series.id == Trim.series_id)
        .where(Series.slug == slug, Review.car_stars.is_not(None))
    )
    return _lines(of_series, limit)


def list_dealer_reviews(dealer_id: int, limit: int = PAGE) -> list[ReviewLine]:
    """The newest reviews of a dealer that are not hidden."""
    return _lines(_shown().where(Review.dealer_id == dealer_id), limit)


def count_unanswered(dealer_id: int) -> int:
    """How many reviews of a dealer that everybody sees wait for its answer."""
    waiting = select(func.count()).where(Review.dealer_id == dealer_id, Review.answer == "", Review.hidden_at.is_(None))
    return db.session.scalar(waiting) or 0


def find_review(kind: SubjectKind, subject_id: int) -> Review | None:
    """What was said about this booking, test drive or redemption."""
    return db.session.scalar(select(Review).where(Review.subject_kind == kind, Review.subject_id == subject_id))


def get_series_name(slug: str) -> str:
    """What the car is called; NotFound."""
    name = db.session.scalar(select(Series.name).where(Series.slug == slug))
    if name is None:
        raise NotFound("没有找到这款车，请看看其他车型。")
    return name


def list_for_office(*, hidden: bool, limit: int = 100) -> list[ReviewRow]:
    """Reviews that are shown, or those that are hidden, the latest first."""
    rows = db.session.execute(
        select(Review, Dealer.name)
        .join(Dealer, Dealer.id == Review.dealer_id)
        .where(Review.hidden_at.is_not(None) if hidden else Review.hidden_at.is_(None))
        .order_by(Review.id.desc())
        .limit(limit)
    ).all()
    reasons = _reasons([row[0].id for row in rows]) if hidden else {}
    return [
        ReviewRow(
            r.id, r.subject_kind, r.subject_no, _visit(r), dealer, r.car_stars, r.dealer_stars, r.text, r.answer,
            say(r.created_at), reasons.get(r.id, ""),
        )
        for r, dealer in rows
    ]  # fmt: skip


def export_own(member_id: int) -> list[dict[str, object]]:
    """What a person said of cars and dealers, as plain values for the person's own copy."""
    mine = select(Review).where(Review.member_id == member_id).order_by(Review.id)
    return [
        {
            "visit": _visit(r),
            "car_stars": r.car_stars,
            "dealer_stars": r.dealer_stars,
            "text": r.text,
            "answer": r.answer,
            "at": local(r.created_at).isoformat(),
        }
        for r in db.session.scalars(mine)
    ]


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


def _shown() -> Select[Review, str, str]:
    return (
        select(Review, Dealer.name, Dealer.slug)
        .join(Dealer, Dealer.id == Review.dealer_id)
        .where(Review.hidden_at.is_(None))
    )


def _lines(statement: Select[Review, str, str], limit: int) -> list[ReviewLine]:
    rows: Sequence[Any] = db.session.execute(statement.order_by(Review.id.desc()).limit(limit)).all()
    return [_line(*row) for row in rows]


def _line(row: Review, dealer: str, dealer_slug: str) -> ReviewLine:
    day = f"{local(row.created_at):%Y-%m-%d}"
    stars = row.car_stars, row.dealer_stars
    return ReviewLine(row.id, row.author, _visit(row), dealer, dealer_slug, *stars, row.text, day, row.answer)


def _visit(row: Review) -> str:
    return f"{KIND_WORDS[SubjectKind(row.subject_kind)]} · {row.about}"
