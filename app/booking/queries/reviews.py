"""评价: what people who got their car say of it and of the dealer. Other rooms show them by these names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from app.booking.models import Booking, BookingReview
from app.booking.rules import mask_name
from app.catalog.models import Series, Trim
from app.core.clock import local
from app.core.db import db
from app.core.errors import NotFound
from app.dealers.models import Dealer

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
    """A review as everybody may read it: plain values, the name masked."""

    id: int
    name: str
    car_name: str
    dealer_name: str
    dealer_slug: str
    car_stars: int
    dealer_stars: int
    text: str
    day: str
    answer: str


def rate_series(slug: str) -> Rating | None:
    """What people say of the cars of a series; None while nobody said anything."""
    of_series = (
        select(func.avg(BookingReview.car_stars), func.count())
        .join(Trim, Trim.id == BookingReview.trim_id)
        .join(Series, Series.id == Trim.series_id)
        .where(Series.slug == slug, BookingReview.hidden_at.is_(None))
    )
    return _rating(db.session.execute(of_series).one())


def rate_dealers(dealer_ids: Sequence[int]) -> dict[int, Rating]:
    """What people say of these dealers; one nobody spoke of is absent."""
    rows = db.session.execute(
        select(BookingReview.dealer_id, func.avg(BookingReview.dealer_stars), func.count())
        .where(BookingReview.dealer_id.in_(dealer_ids), BookingReview.hidden_at.is_(None))
        .group_by(BookingReview.dealer_id)
    )
    return {dealer_id: Rating(float(mean), count) for dealer_id, mean, count in rows}


def list_series_reviews(slug: str, limit: int = PAGE) -> list[ReviewLine]:
    """The newest reviews of the cars of a series that are not hidden."""
    return _lines(_shown().where(Series.slug == slug), limit)


def list_dealer_reviews(dealer_id: int, limit: int = PAGE) -> list[ReviewLine]:
    """The newest reviews of a dealer that are not hidden."""
    return _lines(_shown().where(BookingReview.dealer_id == dealer_id), limit)


def count_unanswered(dealer_id: int) -> int:
    """How many reviews of a dealer that everybody sees wait for its answer."""
    waiting = select(func.count()).where(
        BookingReview.dealer_id == dealer_id, BookingReview.answer == "", BookingReview.hidden_at.is_(None)
    )
    return db.session.scalar(waiting) or 0


def get_series_name(slug: str) -> str:
    """What the car is called; NotFound."""
    name = db.session.scalar(select(Series.name).where(Series.slug == slug))
    if name is None:
        raise NotFound("没有找到这款车，请看看其他车型。")
    return name


def find_review(booking_id: int) -> BookingReview | None:
    """What was said about this booking."""
    return db.session.scalar(select(BookingReview).where(BookingReview.booking_id == booking_id))


def export_own(member_id: int) -> list[dict[str, object]]:
    """What a person said of cars and dealers, as plain values for the person's own copy."""
    mine = select(BookingReview).where(BookingReview.member_id == member_id).order_by(BookingReview.id)
    return [
        {
            "car_stars": r.car_stars,
            "dealer_stars": r.dealer_stars,
            "text": r.text,
            "answer": r.answer,
            "at": local(r.created_at).isoformat(),
        }
        for r in db.session.scalars(mine)
    ]


def _rating(row: Any) -> Rating | None:
    return Rating(float(row[0]), row[1]) if row[1] else None


def _shown() -> Select[BookingReview, str, str, str, str]:
    return (
        select(BookingReview, Booking.contact_name, Booking.car_name, Dealer.name, Dealer.slug)
        .join(Booking, Booking.id == BookingReview.booking_id)
        .join(Dealer, Dealer.id == BookingReview.dealer_id)
        .join(Trim, Trim.id == BookingReview.trim_id)
        .join(Series, Series.id == Trim.series_id)
        .where(BookingReview.hidden_at.is_(None))
    )


def _lines(statement: Select[BookingReview, str, str, str, str], limit: int) -> list[ReviewLine]:
    rows: Sequence[Any] = db.session.execute(statement.order_by(BookingReview.id.desc()).limit(limit)).all()
    return [_line(*row) for row in rows]


def _line(row: BookingReview, name: str, car: str, dealer: str, dealer_slug: str) -> ReviewLine:
    stars, day = (row.car_stars, row.dealer_stars), _day(row.created_at)
    return ReviewLine(row.id, mask_name(name), car, dealer, dealer_slug, *stars, row.text, day, row.answer)


def _day(moment: datetime) -> str:
    return f"{local(moment):%Y-%m-%d}"
