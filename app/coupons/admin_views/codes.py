"""领券码: made, counted, stopped; a sheet to print."""

from typing import Any

from flask import Response, g, request, url_for
from wtforms.fields.choices import SelectChoice  # pyright: ignore[reportAttributeAccessIssue]

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import settings
from app.coupons.admin_views import blueprint
from app.coupons.admin_views.forms import CodeForm
from app.coupons.errors import CodeNeedsStore, CodeNotForWay
from app.coupons.queries import admin
from app.coupons.queries.codes import campaign_of_code, list_codes
from app.coupons.rules import ClaimWay
from app.coupons.services import codes

FOR = (ClaimWay.DIRECT, ClaimWay.SCAN, ClaimWay.SHAKE)  # a scan proves nothing that other ways ask for
PRINTED = 24


@blueprint.get("/<int:campaign_id>/codes")
@access("admin")
def list_codes_of(campaign_id: int) -> Response:
    return _page(campaign_id, CodeForm(formdata=None))


@blueprint.post("/<int:campaign_id>/codes")
@access("admin")
def make_code(campaign_id: int) -> Response:
    form, campaign = CodeForm(), admin.get_campaign(campaign_id, clock.now())
    stores = {str(number): number for number, _name in admin.list_choices()["dealers"]}
    if form.validate():
        try:
            if campaign.draft.way not in FOR:
                raise CodeNotForWay
            dealer_id = stores.get(form.dealer.data or "")
            if dealer_id is None and campaign.draft.way == ClaimWay.SHAKE:
                raise CodeNeedsStore
            codes.make_code(g.actor, campaign.slug, form.label.data or "", clock.now(), dealer_id=dealer_id)
            return go(url_for(".list_codes_of", campaign_id=campaign_id))
        except DomainError as refusal:
            if refusal.status != 422:
                raise
            form.form_errors = [refusal.message]
    return _page(campaign_id, form, 422)


@blueprint.post("/codes/<int:code_id>/stop")
@access("admin")
def stop_code(code_id: int) -> Response:
    campaign_id = campaign_of_code(code_id)
    codes.stop_code(g.actor, code_id, clock.now())
    return go(url_for(".list_codes_of", campaign_id=campaign_id))


@blueprint.get("/<int:campaign_id>/codes/sheet")
@access("admin")
def print_codes(campaign_id: int) -> Response:
    """What is printed: one card for each code that works, or for the one asked for."""
    wanted = request.args.get("code", type=int)
    rows = [row for row in list_codes(campaign_id) if not row.stopped and wanted in (None, row.id)][:PRINTED]
    return render(
        "coupons/admin/sheet.html",
        campaign=admin.get_campaign(campaign_id, clock.now()),
        cards=[(row, qr_svg(_link(campaign_id, row.code))) for row in rows],
        most=PRINTED,
    )


def _link(campaign_id: int, code: str) -> str:
    slug = admin.draft_of(campaign_id).slug
    return settings().public_base_url.rstrip("/") + url_for("coupons.new_claim", slug=slug, p=code)


def _page(campaign_id: int, form: CodeForm, status: int = 200) -> Any:
    campaign = admin.get_campaign(campaign_id, clock.now())
    stores = [SelectChoice(str(number), name) for number, name in admin.list_choices()["dealers"]]
    form.dealer.choices = [
        SelectChoice("", "请选择门店" if campaign.draft.way == ClaimWay.SHAKE else "不属于门店（海报、单页）"),
        *stores,
    ]
    return render(
        "coupons/admin/codes.html",
        status=status,
        campaign=campaign,
        fits=campaign.draft.way in FOR,
        shaken=campaign.draft.way == ClaimWay.SHAKE,
        rows=list_codes(campaign_id),
        form=form,
    )
