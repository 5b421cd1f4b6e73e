"""The queue of a sold-out deal as one person sees it, whom a store may call meanwhile; and a hold's extension."""

from urllib.parse import unquote

from flask import Response, g, make_response, request, url_for

from app.booking import queries
from app.booking.errors import DealerUnavailable
from app.booking.forms import QueueForm
from app.booking.queries.queue import get_queue_page, list_leads
from app.booking.rules import PHASE_WORDS, QUEUE_SHARING_TEXT
from app.booking.services import extension, queue
from app.booking.views import blueprint
from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render, wants_fragment
from app.core.security import access
from app.core.web import actor, limiter
from app.members import queries as members
from app.members.session import current_member


@blueprint.get("/deals/<slug>/queue")
@access("member")
def show_queue(slug: str) -> Response:
    return _queue_page(slug, QueueForm(formdata=None))


@blueprint.get("/deals/<slug>/queue/state")
@access("member")
def show_queue_state(slug: str) -> Response:
    """Asked by the open page: nothing while it says what is so, else the page's part anew."""
    page, seen = get_queue_page(slug, g.member.id, clock.now()), request.args.get("seen", "")
    if not wants_fragment():
        return go(url_for("booking.show_queue", slug=slug))
    if seen == page.mark:
        return make_response("", 204)
    if page.place is not None and seen.partition(":")[0] == page.mark.partition(":")[0]:
        # Only the number before them changed: what they have typed below stays.
        return render("booking/_own_place.html", place=page.place, mark=page.mark, on_queue=True)
    response = _queue_page(slug, QueueForm(formdata=None))
    response.headers["HX-Retarget"] = "#queue"
    return response


@blueprint.get("/deals/<slug>/queue/own")
@access("public")
def show_own_place(slug: str) -> Response:
    """The personal part of a deal's page, which is the same for everyone: one's place and what the bar says then, or
    nothing. The page that shows a place (`seen`) asks again: nothing while it is so, everybody's page once it is gone.
    """
    g.private = True
    member, seen, now = current_member(), request.args.get("seen", ""), clock.now()
    if member is None:
        return make_response("", 204)
    page = get_queue_page(slug, member.id, now)
    if seen == page.mark or (page.place is None and not seen):
        return make_response("", 204)
    if page.place is None:
        return render("booking/_action.html", card=page.card, with_action=True)
    return render("booking/_own_place.html", place=page.place, mark=page.mark, on_queue=False, phase=page.card.phase)


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
    return go(url_for("booking.show_queue", slug=slug, left=1))


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
    cities = queries.list_cities(deal) if deal and asks else []
    wanted = request.values.get("city", "")[:40] or unquote(request.cookies.get("city", ""))[:40]
    city = next((name for name, _ in cities if name == wanted), cities[0][0] if cities else "")
    return render(
        "booking/queue.html",
        "booking/_queue.html",
        status=status,
        page=page,
        card=page.card,
        place=page.place,
        words=PHASE_WORDS,
        form=form,
        cities=cities,
        city=city,
        dealers=queries.list_participating_dealers(deal, city, limit=500) if deal and cities else [],
        proved=member.phone is not None and member.phone_verified_at is not None,
        sharing_text=QUEUE_SHARING_TEXT,
        here=request.path,
    )
