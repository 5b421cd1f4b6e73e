"""评价: the customer's form after the hand-over, what everybody reads of it, and the dealer's answers on the staff's
phones. Other rooms' pages show 口碑 as a fragment by its address; without any review it is empty."""

from flask import Response, g, url_for

from app.booking import queries
from app.booking.forms import AnswerForm, ReviewForm
from app.booking.services import reviews
from app.booking.services.reviews import Opinion
from app.booking.views import blueprint
from app.core import caching, clock
from app.core.errors import DomainError
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor
from app.dealers import queries as dealers

QUOTES = 3  # on the pages of a car and of a store


@blueprint.get("/series/<slug>/reviews")
@access("public")
@caching.cached_page()
def list_series_reviews(slug: str) -> Response:
    """口碑 of a car: its rating and what people who got one say."""
    rows, name = queries.list_series_reviews(slug, limit=_most()), queries.get_series_name(slug)
    rating = queries.rate_series(slug)
    return _reviews(
        rows, rating, name, url_for("booking.list_series_reviews", slug=slug), f"/series/{slug}", "车主口碑"
    )


@blueprint.get("/dealers/<slug>/reviews")
@access("public")
@caching.cached_page()
def list_dealer_reviews(slug: str) -> Response:
    """The same of a store."""
    dealer = dealers.get_dealer(slug)
    rows, rating = queries.list_dealer_reviews(dealer.id, limit=_most()), queries.rate_dealers([dealer.id])
    here = url_for("booking.list_dealer_reviews", slug=slug)
    return _reviews(rows, rating.get(dealer.id), dealer.name, here, f"/dealers/{slug}", "到店客户评价")


def _most() -> int:
    return QUOTES if wants_fragment() else queries.SHOWN_REVIEWS


def _reviews(
    rows: list[queries.ReviewLine], rating: queries.Rating | None, name: str, here: str, back: str, title: str
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
    reviews.review(actor(), no, Opinion(int(form.car_stars.data), int(form.dealer_stars.data), text), now)
    return go(url_for("booking.show_booking", no=no))


@blueprint.get("/staff/reviews")
@access("staff")
def list_store_reviews() -> Response:
    """What customers say of this store, with one field to answer."""
    return _store_page()


@blueprint.post("/staff/reviews/<int:review_id>/answer")
@access("staff")
def answer_review(review_id: int) -> Response:
    form = AnswerForm()
    if not form.validate():
        return _store_page(422, next(iter(form.text.errors), ""))
    try:
        reviews.answer(actor(), review_id, (form.text.data or "").strip(), clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _store_page(422, refusal.message)
    return go(url_for("booking.list_store_reviews"))


def _store_page(status: int = 200, problem: str = "") -> Response:
    dealer_id = actor().dealer_id or 0
    return render(
        "booking/staff/reviews.html",
        status=status,
        rows=queries.list_dealer_reviews(dealer_id),
        rating=queries.rate_dealers([dealer_id]).get(dealer_id),
        unanswered=queries.count_unanswered(dealer_id),
        form=AnswerForm(formdata=None),
        problem=problem,
    )
