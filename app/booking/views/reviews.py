"""评价: the customer's form after the hand-over, and the dealer's answers on the staff's phones."""

from flask import Response, g, url_for

from app.booking import queries
from app.booking.forms import AnswerForm, ReviewForm
from app.booking.services import reviews
from app.booking.services.reviews import Opinion
from app.booking.views import blueprint
from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor


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
