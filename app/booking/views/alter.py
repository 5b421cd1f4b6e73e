"""Changing a booking: what can be chosen, what it costs, and the tap that makes it so."""

from typing import Any

from flask import Response, g, request, url_for

from app.booking import queries
from app.booking.errors import ChangeStale
from app.booking.forms import ChangeForm
from app.booking.models import Booking
from app.booking.queries import altering
from app.booking.queries.taking_part import list_taking_part
from app.booking.rules import SHARING_TEXT
from app.booking.rules.altering import ALTERABLE, CHANGE_WORDS, MAX_OWNER, ChangeKind, Wanted
from app.booking.services import alter
from app.booking.views import blueprint
from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor


@blueprint.get("/bookings/<no>/change")
@access("member")
def show_change(no: str) -> Response:
    """The choices; with `kind` and `to` in the address, what that choice means."""
    form = ChangeForm(request.args, meta={"csrf": False})
    return _page(no, form, form.wanted)


@blueprint.post("/bookings/<no>/change")
@access("member")
def change(no: str) -> Response:
    """Make it so, as it was read. Without what was read it only says what it means: a name stands in no address."""
    form = ChangeForm()
    wanted = form.wanted
    if wanted is None:
        return go(url_for("booking.show_change", no=no))
    if not form.seen.data:
        return _page(no, form, wanted)
    try:
        alter.apply(actor(), no, wanted, form.seen.data or "", clock.now())
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        again = isinstance(refusal, ChangeStale) or refusal.field == "share"
        return _page(no, form, wanted if again else None, refusal)
    return go(url_for("booking.show_booking", no=no))


def _page(no: str, form: ChangeForm, wanted: Wanted | None, refusal: DomainError | None = None) -> Response:
    now = clock.now()
    booking = queries.get_booking(no, g.member.id)
    quote = None
    if wanted is not None:
        try:
            quote = alter.quote(actor(), no, wanted, now)
        except DomainError as problem:
            if problem.status != 422:
                raise
            refusal = refusal or problem
    return render(
        "booking/change.html",
        "booking/_change.html",
        status=422 if refusal else 200,
        booking=booking,
        quote=quote,
        form=form,
        to=form.to.data or "",
        problem=refusal.message if refusal else "",
        share_missing=refusal is not None and refusal.field == "share",
        words=CHANGE_WORDS,
        sharing_text=SHARING_TEXT,
        max_owner=MAX_OWNER,
        **({} if quote else _choices(booking)),
    )


def _choices(booking: Booking) -> dict[str, Any]:
    """What can be chosen where nothing is chosen yet."""
    now, city = clock.now(), (request.args.get("city") or "")[:40]
    cities = queries.list_cities(booking.deal)
    chosen = next((name for name, _ in cities if name == city), booking.dealer.city)
    dealers = [d for d in list_taking_part(booking.deal, now, chosen) if d.id != booking.dealer_id]
    return {
        "allowed": {kind for kind in ChangeKind if booking.state in ALTERABLE[kind]},
        "paints": altering.list_paints(booking.deal.trim_id),
        "dealers": dealers,
        "cities": cities,
        "city": chosen,
    }
