"""许愿: the form, one's own wishes, and claiming what answers them."""

from flask import Response, g, request, url_for

from app.core import clock, ids
from app.core.errors import DomainError, NotFound
from app.core.htmx import go, render
from app.core.security import access
from app.core.web import actor
from app.coupons import queries
from app.coupons.forms import ClaimForm, WishForm
from app.coupons.queries import wishes
from app.coupons.rules import ClaimWay
from app.coupons.rules.wish import KINDS, LONGEST, OPEN_AT_ONCE
from app.coupons.services import wish as services
from app.coupons.services.wish import Wanted
from app.coupons.views import blueprint
from app.members.session import current_member, login_url
from app.visits.session import touch


@blueprint.get("/coupons/wishes/new")
@access("public")
def new_wish() -> Response:
    """The form; of a campaign that is got by wishing with the ticket above it."""
    g.private = True
    slug = request.args.get("campaign", "")[:64]
    return _page(_form(WishForm(formdata=None, key=ids.token(16), campaign=slug)), slug)


@blueprint.post("/coupons/wishes")
@access("member")
def publish_wish() -> Response:
    form = _form(WishForm())
    slug = form.campaign.data or ""
    if not form.validate():
        return _page(form, slug, 422)
    wanted = Wanted(form.kind.data or "", form.text.data or "", form.series.data or "", form.city.data or "", slug)
    try:
        services.publish_wish(actor(), wanted, clock.now(), key=form.key.data or "")
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(_onto(form, refusal), slug, 422)
    return go(url_for("coupons.new_wish", campaign=slug) if slug else url_for("coupons.list_wishes", sent=1))


@blueprint.get("/me/wishes")
@access("member")
def list_wishes() -> Response:
    return _own()


@blueprint.post("/me/wishes/<int:wish_id>/withdrawal")
@access("member")
def withdraw_wish(wish_id: int) -> Response:
    try:
        services.withdraw_wish(actor(), wish_id)
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _own(refusal.message, 422)
    return go(url_for("coupons.list_wishes"))


@blueprint.post("/coupons/<slug>/wish-claims")
@access("member")
def claim_wished(slug: str) -> Response:
    """领取 what one wished for."""
    form = ClaimForm()
    try:
        if not form.validate():
            raise NotFound
        claimed = services.claim_as_wisher(actor(), slug, clock.now(), key=form.key.data or "", touch=touch(request))
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(_form(WishForm(formdata=None, key=ids.token(16), campaign=slug)), slug, 422, refusal.message)
    return go(url_for("coupons.show_coupon", code=claimed.code))


def _own(problem: str = "", status: int = 200) -> Response:
    rows = wishes.list_own_wishes(g.member.id, clock.now())
    return render(
        "coupons/wishes.html", status=status, rows=rows, problem=problem, sent="sent" in request.args, most=OPEN_AT_ONCE
    )


def _page(form: WishForm, slug: str, status: int = 200, problem: str = "") -> Response:
    now, member = clock.now(), current_member()
    card = queries.get_card(slug, now) if slug else None
    if card is not None and card.way != ClaimWay.WISH:
        raise NotFound
    mine = queries.list_of_campaign(card.id, member.id, now) if card is not None and member is not None else []
    wished, waits = (
        services.standing_of(member.id, slug, now) if card is not None and member is not None else (False, None)
    )
    return render(
        "coupons/wish.html",
        status=status,
        card=card,
        form=form,
        mine=mine,
        wished=wished,
        waits=waits,
        problem=problem,
        claim=ClaimForm(formdata=None, key=ids.token(16)),
        guest=member is None,
        most=LONGEST,
        at_once=OPEN_AT_ONCE,
        login=login_url(url_for("coupons.new_wish", campaign=slug or None), "/coupons"),
    )


def _form(form: WishForm) -> WishForm:
    form.kind.choices = [(kind, kind) for kind in KINDS]
    form.series.choices = [("", "不限车系"), *wishes.list_series_choices()]
    return form


def _onto(form: WishForm, refusal: DomainError) -> WishForm:
    """The refusal's sentence on its field, or above the form."""
    if refusal.field and refusal.field in form:
        form[refusal.field].errors = [refusal.message]
    else:
        form.form_errors = [refusal.message]
    return form
