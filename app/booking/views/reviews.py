"""评价: the customer's form after the hand-over, and what everybody reads of cars and stores.

Other rooms' pages show 口碑 as a fragment by its address; without any review it is empty.
"""

from datetime import timedelta

from flask import Response, g, url_for

from app.booking import queries
from app.booking.forms import ReviewForm
from app.booking.services import reviews as services
from app.booking.services.reviews import Opinion
from app.booking.views import blueprint
from app.core import caching, clock
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor
from app.dealers import queries as dealers
from app.reviews import queries as reviews
from app.reviews.queries import Rating, ReviewLine

QUOTES = 3  # on the pages of a car and of a store
HONOUR_IS_FRESH = timedelta(hours=1)


@blueprint.get("/series/<slug>/reviews")
@access("public")
@caching.cached_page()
def list_series_reviews(slug: str) -> Response:
    """口碑 of a car: its rating and what people who got one say."""
    rows, name = reviews.list_series_reviews(slug, limit=_most()), reviews.get_series_name(slug)
    rating = reviews.rate_series(slug)
    return _reviews(
        rows, rating, name, url_for("booking.list_series_reviews", slug=slug), f"/series/{slug}", "车主口碑"
    )


@blueprint.get("/dealers/<slug>/reviews")
@access("public")
@caching.cached_page()
def list_dealer_reviews(slug: str) -> Response:
    """The same of a store: everybody who was there for a car, a test drive or a coupon; and how it kept its word."""
    dealer = dealers.get_dealer(slug)
    rows, rating = reviews.list_dealer_reviews(dealer.id, limit=_most()), reviews.rate_dealers([dealer.id])
    here, now = url_for("booking.list_dealer_reviews", slug=slug), clock.now()
    honour = queries.list_rates([dealer.id], now).get(dealer.id)
    caching.good_until(now + HONOUR_IS_FRESH)
    page = f"/dealers/{slug}"
    return _reviews(rows, rating.get(dealer.id), dealer.name, here, page, "到店客户评价", honour)


def _most() -> int:
    return QUOTES if wants_fragment() else reviews.SHOWN_REVIEWS


def _reviews(
    rows: list[ReviewLine],
    rating: Rating | None,
    name: str,
    here: str,
    back: str,
    title: str,
    honour: queries.HonourRate | None = None,
) -> Response:
    return render(
        "booking/reviews.html",
        "booking/_reviews.html",
        rows=rows,
        rating=rating,
        name=name,
        here=here,
        back=back,
        title=title,
        honour=honour,
    )


@blueprint.get("/bookings/<no>/review")
@access("member")
def show_review(no: str) -> Response:
    page = queries.get_booking_page(no, g.member.id, clock.now())
    if not page.may_review:
        return go(url_for("booking.show_booking", no=no))
    return render("booking/review.html", booking=page.booking, form=ReviewForm())


@blueprint.post("/bookings/<no>/review")
@access("member")
def write_review(no: str) -> Response:
    form, now = ReviewForm(), clock.now()
    if not form.validate():
        booking = queries.get_booking(no, g.member.id)
        return render("booking/review.html", status=422, booking=booking, form=form)
    text = (form.text.data or "").strip()
    services.review(actor(), no, Opinion(int(form.car_stars.data), int(form.dealer_stars.data), text), now)
    return go(url_for("booking.show_booking", no=no))
