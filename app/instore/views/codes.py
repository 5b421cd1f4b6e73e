"""店内码 on the store's own phones: listed, made, reassigned, retired."""

from typing import Any

from flask import Response, current_app, request, url_for

from app.core import clock
from app.core.errors import DomainError, NotAllowed, NotFound
from app.core.htmx import go, render
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import actor, settings
from app.instore import rules
from app.instore.forms import NAMES, CodeForm, RetireForm, values_of
from app.instore.paper import SHEET_WORDS
from app.instore.queries import desk, landing
from app.instore.queries.landing import Stand
from app.instore.rules import KIND_WORDS, STOCK_WORDS, Kind, Stock
from app.instore.services import codes, scenes
from app.instore.views import blueprint
from app.staff import queries as staff
from app.staff.session import current_staff, own_phone_only


@blueprint.get("/staff/codes")
@access("staff")
def list_codes() -> Response:
    """The store's codes with their scans of thirty days; `retired=1`: those that are void."""
    retired = request.args.get("retired") == "1"
    dealer_id = current_staff().dealer_id
    return render(
        "instore/codes.html",
        lines=desk.list_codes(dealer_id, clock.now(), retired=retired),
        retired=retired,
        kinds=KIND_WORDS,
        stock_words=STOCK_WORDS,
        may=codes.may_change(actor(), dealer_id),
        dealer_name=staff.dealer_name(dealer_id),
    )


@blueprint.get("/staff/codes/new")
@access("staff")
def new_code() -> Response:
    """The form of one kind; without a kind, which there are."""
    _lead()
    kind = _kind(request.args.get("kind", ""))
    if kind is None:
        return render("instore/kinds.html", kinds=KIND_WORDS, promises=rules.PROMISES)
    return _form_page(CodeForm(formdata=None), kind)


@blueprint.post("/staff/codes")
@access("staff")
def make_code() -> Response:
    _lead()
    kind, form = _kind(request.form.get("kind", "")), CodeForm()
    if kind is None:
        raise NotFound
    if form.validate():
        try:
            made = codes.make_code(actor(), current_staff().dealer_id, form.draft(kind), clock.now())
        except DomainError as refusal:
            _onto(form, refusal)
        else:
            return go(url_for("instore.show_own_code", code_id=made.id))
    return _form_page(form, kind, status=422)


@blueprint.get("/staff/codes/<int:code_id>")
@access("staff")
def show_own_code(code_id: int) -> Response:
    stand = _own(code_id)
    return _code_page(stand, RetireForm(formdata=None))


@blueprint.get("/staff/codes/<int:code_id>/change")
@access("staff")
def edit_code(code_id: int) -> Response:
    _lead()
    stand = _own(code_id)
    return _form_page(CodeForm(formdata=None, **values_of(stand)), stand.kind, stand)


@blueprint.post("/staff/codes/<int:code_id>/change")
@access("staff")
def change_code(code_id: int) -> Response:
    """Another car on the same stand: the paper stays."""
    _lead()
    stand, form = _own(code_id), CodeForm()
    if form.validate():
        try:
            codes.change_code(actor(), code_id, form.draft(stand.kind), clock.now())
        except DomainError as refusal:
            _onto(form, refusal)
        else:
            return go(url_for("instore.show_own_code", code_id=code_id))
    return _form_page(form, stand.kind, stand, status=422)


@blueprint.post("/staff/codes/<int:code_id>/stock")
@access("staff")
def set_stock(code_id: int) -> Response:
    """现车可售, 展车, 已被预订, 已售出: by anybody of the store, in one tap."""
    wanted = request.form.get("stock", "")
    _own(code_id)
    if wanted in STOCK_WORDS:
        codes.set_stock(actor(), code_id, Stock(wanted), clock.now())
    return go(url_for("instore.show_own_code", code_id=code_id))


@blueprint.post("/staff/codes/<int:code_id>/retirement")
@access("staff")
def retire_code(code_id: int) -> Response:
    _lead()
    stand, form = _own(code_id), RetireForm()
    if not form.validate():
        return _code_page(stand, form, 422)
    codes.retire_code(actor(), code_id, form.reason.data or "", clock.now())
    return go(url_for("instore.show_own_code", code_id=code_id))


@blueprint.post("/staff/codes/<int:code_id>/scene")
@access("staff")
def make_scene(code_id: int) -> Response:
    """Ask WeChat for the follow code that goes beside ours."""
    _lead()
    scenes.make_scene(actor(), code_id, current_app.extensions["wechat"], clock.now())
    return go(url_for("instore.show_own_code", code_id=code_id))


def address(stand: Stand) -> str:
    """What the code holds."""
    return f"{settings().public_base_url.rstrip('/')}/q/{stand.code.code}"


def _own(code_id: int) -> Stand:
    return landing.get_stand_of(code_id, current_staff().dealer_id)


def _lead() -> None:
    own_phone_only()
    if not codes.may_change(actor(), current_staff().dealer_id):
        raise NotAllowed


def _kind(text: str) -> Kind | None:
    return Kind(text) if text in KIND_WORDS else None


def _code_page(stand: Stand, form: RetireForm, status: int = 200) -> Response:
    return render(
        "instore/code.html",
        status=status,
        stand=stand,
        form=form,
        qr=qr_svg(address(stand)),
        groups=rules.groups(stand.code.code),
        address=address(stand),
        kind=KIND_WORDS[stand.kind],
        stock_words=STOCK_WORDS,
        sheets=SHEET_WORDS,
        may=codes.may_change(actor(), stand.dealer.id),
        followed=qr_svg(stand.code.scene_url) if stand.code.scene_url else None,
    )


def _form_page(form: CodeForm, kind: Kind, stand: Stand | None = None, status: int = 200) -> Response:
    dealer_id, now = current_staff().dealer_id, clock.now()
    trims = desk.list_trims() if kind is Kind.CAR else []
    if stand is not None and stand.trim is not None and stand.trim.slug not in dict(trims):
        trims = [(stand.trim.slug, f"{stand.car_name}（{stand.trim.status}）"), *trims]
    team = [(one.id, one.name) for one in staff.list_team(dealer_id)] if kind is Kind.CARD else []
    campaigns = desk.list_campaigns(dealer_id, now) if kind is Kind.POSTER else []
    if stand is not None and stand.campaign_slug and stand.campaign_slug not in dict(campaigns):
        campaigns = [(stand.campaign_slug, stand.campaign_title), *campaigns]
    form.offer(trims, team, campaigns)
    return render(
        "instore/form.html",
        status=status,
        form=form,
        kind=kind.value,
        kind_words=KIND_WORDS[kind],
        example=NAMES[kind],
        stand=stand,
        colours=desk.list_colours() if kind is Kind.CAR else [],
    )


def _onto(form: CodeForm, refusal: DomainError) -> None:
    """The refusal's sentence on its field, or above the form."""
    if refusal.status != 422:
        raise refusal
    field: Any = form[refusal.field] if refusal.field and refusal.field in form else None
    if field is not None:
        field.errors = [refusal.message]
    else:
        form.form_errors = [refusal.message]
