"""The queue of a sold-out deal as one person sees it, whom a store may call meanwhile; and a hold's extension."""

from flask import Response, g, make_response, request, url_for

from app.booking import queries
from app.booking.errors import DealerUnavailable
from app.booking.forms import QueueForm
from app.booking.queries.queue import get_queue_page, list_leads, list_own_places
from app.booking.rules import PHASE_WORDS, QUEUE_SHARING_TEXT
from app.booking.services import extension, queue
from app.booking.views import blueprint
from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor, limiter
from app.members import queries as members
from app.members.session import current_member


@blueprint.get("/deals/<slug>/queue")
@access("member")
def show_queue(slug: str) -> Response:
    return _queue_page(slug, QueueForm(formdata=None))


@blueprint.get("/deals/<slug>/queue/own")
@access("public")
def show_own_place(slug: str) -> Response:
    """The personal part of a deal's page, which is the same for everyone: one's place, or nothing."""
    g.private = True
    member = current_member()
    places = list_own_places(member.id, clock.now()) if member else []
    place = next((p for p in places if p.slug == slug), None)
    if place is None:
        return make_response("", 204)
    return render("booking/_own_place.html", place=place, with_link=True)


@blueprint.post("/deals/<slug>/queue")
@access("member")
@limiter.limit("20/minute")
def join_queue(slug: str) -> Response:
    """One tap to stand in the queue; with a dealer and the consent ticked, that dealer may call meanwhile."""
    form = QueueForm()
    if not form.validate():
        return _queue_page(slug, form, 422)
    try:
        queue.join(actor(), slug, clock.now(), dealer_id=form.dealer_id, lead_consent=bool(form.lead.data))
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        if isinstance(refusal, DealerUnavailable):
            form.dealer.errors = [refusal.message]
        else:
            form.form_errors = [refusal.message]
        return _queue_page(slug, form, 422)
    return go(url_for("booking.show_queue", slug=slug))


@blueprint.post("/deals/<slug>/queue/leave")
@access("member")
@limiter.limit("20/minute")
def leave_queue(slug: str) -> Response:
    queue.leave(actor(), slug, clock.now())
    return go(url_for("booking.show_queue", slug=slug))


@blueprint.get("/staff/queue")
@access("staff")
def list_queue_leads() -> Response:
    """Who waits for a car and agreed that this store may call, masked until somebody opens it."""
    return render("booking/staff/queue.html", leads=list_leads(actor().dealer_id or 0), opened=None)


@blueprint.post("/staff/queue/<int:place_id>/contact")
@access("staff")
def open_lead(place_id: int) -> Response:
    """Name and number in full: asked for, recorded, shown in this very answer."""
    opened = queue.open_lead(actor(), place_id)
    return render("booking/staff/queue.html", leads=list_leads(actor().dealer_id or 0), opened=opened)


@blueprint.post("/bookings/<no>/extension")
@access("member")
def extend_hold(no: str) -> Response:
    """Ten minutes more, once; the cashier's page says until when, or why not."""
    try:
        extension.extend_hold(actor(), no, clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
    return go(url_for("booking.show_payment", no=no))


def _queue_page(slug: str, form: QueueForm, status: int = 200) -> Response:
    page = get_queue_page(slug, g.member.id, clock.now())
    deal = queries.find_deal(slug)
    member = members.get_member(g.member.id)
    asks = page.place is not None and not page.place.offered and not page.place.lead_dealer_id
    return render(
        "booking/queue.html",
        "booking/_queue.html",
        status=status,
        page=page,
        card=page.card,
        place=page.place,
        words=PHASE_WORDS,
        form=form,
        dealers=queries.list_participating_dealers(deal) if deal and asks else [],
        proved=member.phone is not None and member.phone_verified_at is not None,
        sharing_text=QUEUE_SHARING_TEXT,
        here=request.path,
    )
