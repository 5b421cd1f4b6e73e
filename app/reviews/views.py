"""评价: the form after a visit, and the store's answers on its phones."""

from flask import Blueprint, Response, g, request, url_for

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.reviews import queries, services
from app.reviews.errors import LeadersAnswer
from app.reviews.forms import AnswerForm, ReviewForm
from app.reviews.rules import ANSWERING, KIND_WORDS, SubjectKind
from app.reviews.services import NewReview
from app.reviews.subjects import Visit, get_visit

blueprint = Blueprint("reviews", __name__)


@blueprint.get("/me/reviews/new")
@access("member")
def new_review() -> Response:
    """One's own visit: the form, or what was said already."""
    kind, no = request.args.get("of", ""), request.args.get("no", "")[:40]
    visit = get_visit(kind, no, g.member.id, clock.now())
    return _page(visit, SubjectKind(kind), ReviewForm(formdata=None, of=kind, no=no))


@blueprint.post("/me/reviews")
@access("member")
def write_review() -> Response:
    form, now = ReviewForm(), clock.now()
    kind, no = form.of.data or "", (form.no.data or "")[:40]
    visit = get_visit(kind, no, g.member.id, now)
    if not form.validate():
        return _page(visit, SubjectKind(kind), form, 422)
    said = NewReview(
        SubjectKind(kind), visit.subject_id, no, visit.dealer_id, visit.about, visit.name, int(form.stars.data),
        trim_id=visit.trim_id, text=form.text.data or "",
    )  # fmt: skip
    services.write_review(actor(), said, now)
    return go(url_for("reviews.new_review", of=kind, no=no))


def _page(visit: Visit, kind: SubjectKind, form: ReviewForm, status: int = 200) -> Response:
    own = queries.find_review(kind, visit.subject_id)
    return render("reviews/new.html", status=status, visit=visit, form=form, own=own, word=KIND_WORDS[kind])


@blueprint.get("/staff/reviews")
@access("staff")
def list_store_reviews() -> Response:
    """What customers say of this store, with one field to answer."""
    return _store_page()


@blueprint.post("/staff/reviews/<int:review_id>/answer")
@access("staff")
def answer_review(review_id: int) -> Response:
    if not _may_answer():
        raise LeadersAnswer
    form = AnswerForm()
    if not form.validate():
        return _store_page(422, next(iter(form.text.errors), ""))
    try:
        services.answer_review(actor(), review_id, form.text.data or "", clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _store_page(422, refusal.message)
    return go(url_for("reviews.list_store_reviews"))


def _store_page(status: int = 200, problem: str = "") -> Response:
    dealer_id = actor().dealer_id or 0
    return render(
        "reviews/staff/list.html",
        status=status,
        rows=queries.list_dealer_reviews(dealer_id),
        rating=queries.rate_dealers([dealer_id]).get(dealer_id),
        unanswered=queries.count_unanswered(dealer_id),
        form=AnswerForm(formdata=None),
        problem=problem,
        may_answer=_may_answer(),
    )


def _may_answer() -> bool:
    """A leading person on a phone of their own; which phone it is the guard of the staff's pages has found out."""
    return actor().role in ANSWERING and g.get("shared_phone") is None
