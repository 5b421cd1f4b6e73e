"""The booking form: choose the dealer, prove the phone, accept the terms, and hold one unit."""

from typing import Any

from flask import Response, g, request, session, url_for

from app.booking import queries
from app.booking.errors import PriceChanged, TermsChanged
from app.booking.forms import BookingForm
from app.booking.rules import SHARING_TEXT
from app.booking.services import place
from app.booking.views import blueprint
from app.booking.views.late import answer_late
from app.core import clock, ids
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor, answers_early, settings
from app.members import queries as members
from app.members.rules import TYPED_NAME
from app.visits.session import touch


@blueprint.get("/deals/<slug>/bookings/new")
@access("member")
def new_booking(slug: str) -> Response:
    page = queries.get_deal_page(slug, clock.now())
    member = members.get_member(g.member.id)
    known = member.phone if member.phone_verified_at and request.args.get("phone") != "other" else ""
    form = BookingForm(
        name=session.pop(TYPED_NAME, "") or member.name,
        phone=known,
        dealer=request.args.get("dealer", ""),
        idempotency_key=ids.token(16),
        seen_price_fen=page.card.price_fen,
        terms_version=page.terms.version,
    )
    return _booking_page(page, form)


@blueprint.post("/deals/<slug>/bookings")
@access("member")
@answers_early(answer_late)
def place_booking(slug: str) -> Response:
    form, now = BookingForm(), clock.now()
    if not form.validate():
        return _booking_page(queries.get_deal_page(slug, now), form, 422)
    wish = place.Wish(
        deal_slug=slug,
        dealer_id=form.dealer_id,
        name=(form.name.data or "").strip(),
        phone=form.number,
        idempotency_key=form.idempotency_key.data or "",
        seen_price_fen=form.seen_price_fen.data or 0,
        terms_version=form.terms_version.data or "",
        colour=form.paint[0],
        seen_surcharge_fen=form.paint[1],
        address_digest=place.digest_address(request.remote_addr, secret=settings().secret_key.get_secret_value()),
        touch=touch(request),
    )
    try:
        # The guard has read the member for this request: a number that was proved then need not be asked for again.
        if not (g.member.phone_verified_at and g.member.phone == wish.phone):
            place.prove_phone(
                actor(), wish.phone, form.code.data or "", now, secret=settings().secret_key.get_secret_value()
            )
        placed = place.place_booking(actor(), wish, now)
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _booking_page(queries.get_deal_page(slug, now), _onto(form, refusal), 422)
    # The order at WeChat Pay is the cashier's own request: a slow answer must not hold up the crowd behind this one.
    return go(url_for("booking.show_payment", no=placed.no, begin=1))


def _onto(form: BookingForm, refusal: DomainError) -> BookingForm:
    """The refusal's sentence on its field, or above the form."""
    field = form[refusal.field] if refusal.field and refusal.field in form else None
    if field is not None:
        field.errors = [refusal.message]
    else:
        form.form_errors = [refusal.message]
    return form


def _booking_page(page: queries.DealPage, form: BookingForm, status: int = 200) -> Response:
    if any(type(e) is str and e in (PriceChanged.message, TermsChanged.message) for e in _messages(form)):
        # What is shown now is what the next submit will have seen.
        form.seen_price_fen.raw_data, form.seen_price_fen.data = None, page.card.price_fen
        if form.terms_version.data != page.terms.version:
            form.terms_version.data, form.terms.data = page.terms.version, False  # ticked for another text
    city = request.values.get("city") or (page.cities[0][0] if len(page.cities) > 1 else "")
    chosen = queries.find_dealer_city(form.dealer_id) if form.dealer_id else None
    if chosen and not request.args.get("city"):
        city = chosen
    card, dealers = queries.get_taking_part(page.card.slug, clock.now(), city or None)
    return render(
        "booking/new.html",
        "booking/_form.html",
        status=status,
        view=page,
        card=card,
        form=form,
        city=city,
        dealers=dealers,
        paint=form.paint[0],
        proved=bool(form.number) and members.has_verified_phone(g.member.id, form.number),
        sharing_text=SHARING_TEXT,
        sent=False,
        wait_seconds=0,
    )


def _messages(form: BookingForm) -> list[Any]:
    return [message for errors in form.errors.values() for message in errors]
