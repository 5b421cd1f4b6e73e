"""免号询价 and 请门店回电: the forms, with the nearest stores by a place given once, or by city."""

import math
from urllib.parse import unquote

from flask import Response, g, request, session, url_for

from app.catalog.queries.lineup import LineupTrim, get_lineup
from app.core import clock, ids
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.security import access, fingerprint
from app.core.web import actor, limiter
from app.dealers.geo import wgs84_to_gcj02
from app.dealers.queries import list_cities
from app.leads import oldcars, rules
from app.leads.errors import TimeWrong
from app.leads.forms import AskForm, CallForm, number_of
from app.leads.oldcars import OldCar
from app.leads.queries import dispatching
from app.leads.queries.contact import list_stopped
from app.leads.queries.dispatching import Place, StoreChoice
from app.leads.services.asking import CHOSEN, Wish, open_enquiry
from app.leads.views import blueprint, secret
from app.members import queries as members
from app.members.rules import TYPED
from app.members.session import current_member, was_typed_here
from app.visits.session import touch

CITY_COOKIE = "city"
SHOWN_CITIES = 8


@blueprint.get("/enquiries/new")
@access("member")
def new_enquiry() -> Response:
    """Ask up to three stores; no number is asked for, and none is sent along."""
    return _ask_page(AskForm(formdata=None, **_given()), set())


@blueprint.post("/enquiries/new")
@access("member")
@limiter.limit("20/minute")
def ask_price() -> Response:
    form, chosen = AskForm(), {number_of(value) for value in request.form.getlist("dealers")[: rules.MOST_STORES + 1]}
    trim = _trim(form.trim.data)
    if not form.validate() or trim is None:
        if trim is None:
            form.form_errors = ["请先选择要询价的车款。"]
        return _ask_page(form, chosen, 422)
    wish = Wish(
        kind="price",
        source=form.source.data or "enquiry",
        subject=trim.full_name,
        dealers=tuple(sorted(chosen - {0})),
        idempotency_key=form.idempotency_key.data or "",
        trim_id=trim.id,
        msrp_fen=trim.msrp_fen,
        note=form.note.data or "",
        city=_city(),
    )
    try:
        no = open_enquiry(actor(), wish, clock.now(), address_digest=address(), touch=touch(request))
    except DomainError as refusal:
        if refusal.status not in (422, 429):
            raise
        _put(form, refusal)
        return _ask_page(form, chosen, refusal.status)
    return go(url_for("leads.show_enquiry", no=no))


@blueprint.get("/enquiries/stores")
@access("public")
def list_stores() -> Response:
    """The stores of a place as boxes to tick: a part of the form. The place is used and forgotten."""
    g.private = True
    member = current_member()
    return render(
        "leads/_stores.html",
        choices=_choices(),
        chosen=set(),
        proposed=rules.MOST_STORES,
        stopped=list_stopped(member.id) if member else set(),
        place=_place(),
    )


@blueprint.get("/enquiries/call/new")
@access("member")
def new_call() -> Response:
    """One store calls back: the one the dispatch would choose, or the one that was asked for."""
    return _one_store_page("call", CallForm(formdata=None, name=_name(), **_given()))


@blueprint.post("/enquiries/call/new")
@access("member")
@limiter.limit("20/minute")
def ask_call() -> Response:
    return _ask_one_store("call")


@blueprint.get("/enquiries/inspection/new")
@access("member")
def new_inspection() -> Response:
    """An appointment to have the old car of an estimate inspected."""
    form = CallForm(formdata=None, name=_name(), **_given() | {"source": "trade-in"})
    form.estimate.data = request.args.get("estimate", "")[:24]
    return _one_store_page("inspection", form)


@blueprint.post("/enquiries/inspection/new")
@access("member")
@limiter.limit("20/minute")
def ask_inspection() -> Response:
    return _ask_one_store("inspection")


def _ask_one_store(kind: str) -> Response:
    form = CallForm()
    if not form.validate():
        return _one_store_page(kind, form, 422)
    try:
        wish = _one_store_wish(kind, form)
        no = open_enquiry(actor(), wish, clock.now(), address_digest=address(), touch=touch(request))
    except DomainError as refusal:
        if refusal.status not in (422, 429):
            raise
        _put(form, refusal)
        return _one_store_page(kind, form, refusal.status)
    return go(url_for("leads.show_enquiry", no=no))


def _one_store_wish(kind: str, form: CallForm) -> Wish:
    """What is typed as a wish; an inspection needs a time. TimeWrong."""
    trim, dealer_id = _trim(form.trim.data), number_of(form.dealer.data)
    dealer = dispatching.list_by_ids([dealer_id]).get(dealer_id)
    car = _old_car(kind, form)
    if car is not None and form.moment is None:
        raise TimeWrong
    return Wish(
        kind=kind,
        source=form.source.data or "enquiry",
        subject=car.name if car else trim.full_name if trim else "看车咨询",
        dealers=(dealer_id,),
        idempotency_key=form.idempotency_key.data or "",
        trim_id=trim.id if trim else None,
        msrp_fen=trim.msrp_fen if trim else None,
        facts={"rows": [list(row) for row in car.rows]} if car else {},
        name=form.name.data or "",
        city=_city(),
        wanted_at=form.moment,
        share=rules.sharing_text(dealer.name, kind) if dealer else "",
        reason=_reason(dealer_id),
        estimate=form.estimate.data or "" if car else "",
    )


def address() -> str:
    """The caller's address as a keyed digest, for the limits alone."""
    return fingerprint(secret(), "lead-address", request.remote_addr or "")


def _ask_page(form: AskForm, chosen: set[int], status: int = 200) -> Response:
    choices = _choices()
    asked = {one.dealer.id for one in choices if one.dealer.slug == request.args.get("dealer")}
    return render(
        "leads/new.html",
        status=status,
        form=form,
        trim=_trim(form.trim.data),
        lineup=get_lineup().series,
        choices=choices,
        chosen=chosen or asked,
        proposed=rules.MOST_STORES if _city() or _place() else 0,
        stopped=list_stopped(g.member.id),
        **_cities(),
    )


def _one_store_page(kind: str, form: CallForm, status: int = 200) -> Response:
    car = _old_car(kind, form)
    choices, asked = _choices(), _named()
    picked = next((one for one in choices if one.dealer.slug == asked), None)
    picked = picked or (choices[0] if choices else None)
    member = members.get_member(g.member.id)
    form.dealer.data = str(picked.dealer.id) if picked else ""
    proved = member.phone is not None and member.phone_verified_at is not None
    if car and car.phone and not proved and was_typed_here(form.estimate.data or "", car.phone):
        session[TYPED] = car.phone  # the page that proves a number has it filled in already
    trim = _trim(form.trim.data)
    return render(
        "leads/call.html",
        status=status,
        title=rules.KINDS[kind],
        form=form,
        subject=car.name if car else trim.full_name if trim else "看车咨询",
        car=car,
        action=url_for("leads.ask_call" if kind == "call" else "leads.ask_inspection"),
        keep={"estimate": form.estimate.data} if car else {"trim": form.trim.data or ""},
        picked=picked,
        others=[one for one in choices if picked and one.dealer.id != picked.dealer.id][:5],
        text=rules.sharing_text(picked.dealer.name, kind) if picked else "",
        proved=proved,
        phone=member.phone,
        here=request.full_path.rstrip("?"),
        **_cities(),
    )


def _cities() -> dict[str, object]:
    known, city = list_cities(), _city()
    near = known[:SHOWN_CITIES]
    return {"cities": near, "more_cities": known[SHOWN_CITIES:], "city": city, "place": _place()}


def _choices() -> list[StoreChoice]:
    """Stores for the request, the best first; none before a place or a city is known, but for one that was named."""
    place, city = _place(), _city()
    named = _named()
    if place is None and not city:
        alone = dispatching.list_choices(clock.now(), also=named) if named else []
        if not alone:
            return []
        return dispatching.list_choices(clock.now(), city=alone[0].dealer.city, also=named)
    return dispatching.list_choices(clock.now(), place=place, city=city, also=named)


def _named() -> str:
    """The store that was asked for, by its 编号: in an address as it is, in a form that is sent by its row."""
    if request.method == "POST":
        dealer_id = number_of(request.form.get("dealer"))
        dealer = dispatching.list_by_ids([dealer_id]).get(dealer_id)
        return dealer.slug if dealer else ""
    return request.args.get("dealer", "")[:64]


def _old_car(kind: str, form: CallForm) -> OldCar | None:
    """The car of an inspection. A NotFound refusal for an estimate that is somebody else's."""
    return oldcars.known().find(form.estimate.data or "", g.member.id) if kind == "inspection" else None


def _reason(dealer_id: int) -> str:
    """Why this store: the dispatch's own word, if it is the one that would be chosen now."""
    choices = _choices()
    first = choices and choices[0].dealer.id == dealer_id
    return f"推荐门店：{choices[0].choice.record}" if first else CHOSEN


def _trim(slug: str | None) -> LineupTrim | None:
    return get_lineup().trims.get(slug or "")


def _given() -> dict[str, str]:
    trim = request.args.get("trim", "")[:64]
    if not trim and (series := request.args.get("series")):
        car = next((car for car in get_lineup().series if car.slug == series), None)
        trim = car.trims[0].slug if car and car.trims else ""
    source = request.args.get("from", "")
    return {
        "trim": trim,
        "source": source if source in rules.SOURCES else "enquiry",
        "idempotency_key": ids.token(16),
    }


def _name() -> str:
    return members.get_member(g.member.id).name


def _city() -> str:
    known = dict(list_cities())
    for wanted in (request.values.get("city", ""), unquote(request.cookies.get(CITY_COOKIE, ""))):
        if wanted[:24] in known:
            return wanted[:24]
    return ""


def _place() -> Place | None:
    """The place of this very request; what is no place on earth is none."""
    try:
        lat, lng = float(request.values["lat"]), float(request.values["lng"])
    except (KeyError, ValueError):
        return None
    if not (math.isfinite(lat) and math.isfinite(lng) and abs(lat) <= 90 and abs(lng) <= 180):
        return None
    if request.values.get("system") == "wgs84":
        point = wgs84_to_gcj02(lng, lat)
        return Place(point.lat, point.lng)
    return Place(lat, lng)


def _put(form: AskForm | CallForm, refusal: DomainError) -> None:
    field = form[refusal.field] if refusal.field and refusal.field in form else None
    if field is not None and field.type != "HiddenField":
        field.errors = [refusal.message]
    else:
        form.form_errors = [refusal.message]
