"""券活动: the list, one campaign with its live board, the form with its plain words, preview, rehearsal, publishing."""

from collections.abc import Callable
from typing import Any

from flask import Response, g, request, url_for

from app.core import actors, clock
from app.core.audit import AuditEntry
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import settings
from app.coupons.admin_views import blueprint
from app.coupons.admin_views.forms import CHANNELS, CampaignForm, SlugForm, filled
from app.coupons.previews import preview_path
from app.coupons.queries import admin
from app.coupons.queries.board import get_board
from app.coupons.rules import AUDIT_WORDS, CAMPAIGN_PHASE_WORDS, CampaignPhase, CampaignState, ClaimWay, CouponKind
from app.coupons.rules.editing import LABELS, Draft
from app.coupons.rules.lawful import breaches
from app.coupons.rules.plain import WAY_HELP
from app.coupons.services import campaigns, rehearsal
from app.coupons.services.campaigns import Seen

TAGS = {"running": "ok", "paused": "err", "exhausted": "warn", "upcoming": "copper"}
FIELDS = {
    "face_fen": "face", "discount_permille": "discount", "most_fen": "most", "threshold_fen": "threshold",
    "worth_fen": "worth", "shake_permille": "shake", "dealer_permille": "share", "valid_until": "valid_on",
}  # fmt: skip


@blueprint.get("")
@access("admin")
def list_campaigns() -> Response:
    given = {name: request.args.get(name, "").strip()[:40] for name in ("phase", "kind", "way", "text")}
    return render(
        "coupons/admin/list.html",
        lines=admin.list_campaigns(clock.now(), **given),
        given=given,
        phases=CAMPAIGN_PHASE_WORDS,
        kinds=list(CouponKind),
        ways=list(ClaimWay),
        tags=TAGS,
        most=admin.SHOWN,
    )


@blueprint.get("/new")
@access("admin")
def new_campaign() -> Response:
    return _form_page(CampaignForm(formdata=None), None)


@blueprint.post("")
@access("admin")
def create_campaign() -> Response:
    form, now = CampaignForm(), clock.now()
    if form.validate():
        try:
            made = campaigns.create_campaign(g.actor, form.draft(now), now)
            return go(url_for(".show_campaign", campaign_id=made))
        except DomainError as refusal:
            _onto(form, refusal)
    return _form_page(form, None, 422)


@blueprint.post("/terms")
@access("admin")
def show_terms() -> Response:
    """What people would read of what is typed so far; writes nothing."""
    return render("coupons/admin/_terms.html", **_said(CampaignForm().draft(clock.now())))


@blueprint.get("/<int:campaign_id>")
@access("admin")
def show_campaign(campaign_id: int) -> Response:
    """The page, or for htmx the board that changes."""
    return _page(campaign_id)


@blueprint.get("/<int:campaign_id>/edit")
@access("admin")
def edit_campaign(campaign_id: int) -> Response:
    campaign = admin.get_campaign(campaign_id, clock.now())
    return _form_page(CampaignForm(formdata=None, **filled(campaign.draft)), campaign)


@blueprint.post("/<int:campaign_id>")
@access("admin")
def save_campaign(campaign_id: int) -> Response:
    now = clock.now()
    form, campaign = CampaignForm(), admin.get_campaign(campaign_id, now)
    if form.validate():
        try:
            draft = form.draft(now, campaign.draft)
            campaigns.edit_campaign(g.actor, _seen(campaign_id), draft, now, form.reason.data or "")
            return go(url_for(".show_campaign", campaign_id=campaign_id))
        except DomainError as refusal:
            _onto(form, refusal)
    return _form_page(form, campaign, 422)


@blueprint.post("/<int:campaign_id>/copies")
@access("admin")
def copy_campaign(campaign_id: int) -> Response:
    form = SlugForm()
    if form.validate():
        try:
            made = campaigns.copy_campaign(
                g.actor, campaign_id, form.slug.data or "", (form.title.data or "").strip(), clock.now()
            )
            return go(url_for(".edit_campaign", campaign_id=made))
        except DomainError as refusal:
            _onto(form, refusal)
    return _page(campaign_id, 422, copy=form)


@blueprint.get("/<int:campaign_id>/preview")
@access("admin")
def preview(campaign_id: int) -> Response:
    """At a phone's width, and a link with its QR code to look at it on a phone."""
    campaign = admin.get_campaign(campaign_id, clock.now())
    path = preview_path(campaign.id)
    link = settings().public_base_url.rstrip("/") + path
    return render("coupons/admin/preview.html", campaign=campaign, path=path, link=link, qr=qr_svg(link))


@blueprint.get("/<int:campaign_id>/rehearsal")
@access("admin")
def show_rehearsal(campaign_id: int) -> Response:
    campaign = admin.get_campaign(campaign_id, clock.now())
    return render("coupons/admin/rehearsal.html", campaign=campaign, last=admin.find_rehearsal(campaign_id))


@blueprint.post("/<int:campaign_id>/rehearsal")
@access("admin")
def rehearse(campaign_id: int) -> Response:
    rehearsal.rehearse(g.actor, campaign_id, clock.now())
    return go(url_for(".show_rehearsal", campaign_id=campaign_id))


@blueprint.post("/<int:campaign_id>/publication")
@access("admin")
def publish(campaign_id: int) -> Response:
    return _step(campaign_id, lambda: campaigns.publish_campaign(g.actor, _seen(campaign_id), clock.now()))


@blueprint.post("/<int:campaign_id>/pause")
@access("admin")
def pause(campaign_id: int) -> Response:
    reason = request.form.get("reason", "")
    return _step(campaign_id, lambda: campaigns.pause_campaign(g.actor, campaign_id, reason, clock.now()))


@blueprint.post("/<int:campaign_id>/resume")
@access("admin")
def resume(campaign_id: int) -> Response:
    return _step(campaign_id, lambda: campaigns.resume_campaign(g.actor, campaign_id, clock.now()))


@blueprint.post("/<int:campaign_id>/end")
@access("admin")
def end(campaign_id: int) -> Response:
    reason = request.form.get("reason", "")
    return _step(campaign_id, lambda: campaigns.end_campaign(g.actor, campaign_id, reason, clock.now()))


def _step(campaign_id: int, do: Callable[[], None]) -> Response:
    """One step, then the page again; a refusal is a sentence on it."""
    try:
        do()
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _page(campaign_id, 422, refusal.message)
    return go(url_for(".show_campaign", campaign_id=campaign_id))


def _page(campaign_id: int, status: int = 200, problem: str = "", copy: SlugForm | None = None) -> Response:
    now = clock.now()
    campaign = admin.get_campaign(campaign_id, now)
    return render(
        "coupons/admin/show.html",
        "coupons/admin/_board.html" if status == 200 else None,
        status=status,
        campaign=campaign,
        board=get_board(campaign_id, now),
        words=CAMPAIGN_PHASE_WORDS,
        tags=TAGS,
        now=now,
        problem=problem,
        typed=request.form.get("reason", "") if status == 422 else "",
        public=campaign.state != CampaignState.DRAFT and campaign.phase is not CampaignPhase.ENDED,
        way_help=WAY_HELP[ClaimWay(campaign.draft.way)],
        history=_history(campaign_id),
        copy=copy or SlugForm(formdata=None, title=f"{campaign.title[:74]} 副本", slug=f"{campaign.slug[:60]}-2"),
    )


def _history(campaign_id: int) -> list[dict[str, Any]]:
    entries = admin.list_history(campaign_id)
    who = actors.names((entry.actor_kind, entry.actor_id) for entry in entries)
    return [_told(entry, who[entry.actor_kind, entry.actor_id]) for entry in entries]


def _told(entry: AuditEntry, who: str) -> dict[str, Any]:
    """One line of the history: what, when, by whom, why, and what changed."""
    changed: dict[str, Any] = entry.detail.get("changed", {})
    return {
        "word": AUDIT_WORDS.get(entry.action, entry.action),
        "at": entry.at,
        "who": who,
        "why": entry.detail.get("reason", ""),
        "what": "、".join(LABELS.get(name, name) for name in changed),
    }


def _form_page(form: CampaignForm, campaign: admin.AdminCampaign | None, status: int = 200) -> Response:
    now = clock.now()
    draft = form.draft(now) if status == 422 or campaign is None else campaign.draft
    return render(
        "coupons/admin/form.html",
        status=status,
        form=form,
        campaign=campaign,
        announced=campaign is not None and campaign.state != CampaignState.DRAFT,
        choices=admin.list_choices(),
        channels=[(one, one) for one in CHANNELS],
        # What is sent back after a refusal is what was seen when the form was first opened.
        fingerprint=request.form.get("seen") or (campaign.draft.fingerprint if campaign else ""),
        **_said(draft),
    )


def _said(draft: Draft) -> dict[str, Any]:
    return {
        "draft": draft,
        "terms": draft.promise,
        "plain": admin.plain_of_draft(draft),
        "way_help": WAY_HELP[ClaimWay(draft.way)],
        "breaches": breaches(draft.offer, clock.now()),
    }


def _seen(campaign_id: int) -> Seen:
    return Seen(campaign_id, request.form.get("seen", "")[:64])


def _onto(form: SlugForm, refusal: DomainError) -> None:
    """The refusal's sentence on its field, or above the form."""
    if refusal.status != 422:
        raise refusal
    field = form[name] if (name := FIELDS.get(refusal.field or "", refusal.field or "")) and name in form else None
    if field is not None:
        field.errors = [refusal.message]
    else:
        form.form_errors = [refusal.message]
