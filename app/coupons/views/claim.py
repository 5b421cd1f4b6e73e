"""领取: in place on the pages that show a campaign, or on a page of its own. Nobody logs in before a tap."""

from typing import Any

from flask import Response, g, make_response, request, url_for

from app.core import clock, ids
from app.core.errors import DomainError
from app.core.htmx import go, render, toast, wants_fragment
from app.core.security import access, fingerprint
from app.core.web import actor, answers_early, settings
from app.coupons import queries
from app.coupons.errors import CodeStopped, WrongWay
from app.coupons.forms import Claim, ClaimForm, read_claim
from app.coupons.rules import Channel, ClaimWay
from app.coupons.services import giving, ways
from app.coupons.services.claim import claim_coupon
from app.coupons.views import blueprint
from app.coupons.views.late import answer_late
from app.members.session import current_member, login_url, send_to_login
from app.visits.session import touch


@blueprint.get("/coupons/<slug>/claims/new")
@access("public")
def new_claim(slug: str) -> Any:
    """The form. `tap`: a person tapped 领取, so a guest is sent to the login; `again`: the page asks after a login."""
    g.private = True
    member = current_member()
    if member is None:
        if "again" in request.args:
            return make_response("", 204)
        if "tap" in request.args:
            return send_to_login()
    card = queries.get_card(slug, clock.now())
    # A printed code counts where a tap or a scan is enough, and where one shakes in a store; other ways ask for more.
    code = _code()
    if code and card.way == ClaimWay.SHAKE:
        return go(url_for("coupons.new_shake", slug=slug, p=code))
    code = code if card.way in (ClaimWay.DIRECT, ClaimWay.SCAN) else ""
    form = ClaimForm(formdata=None, key=ids.token(16), p=code)
    return _claim_page(card, form, member.id if member else None)


def _refused_early(slug: str) -> Response | None:
    return answer_late(slug) or _signed_out(slug)


def _signed_out(slug: str) -> Response | None:
    """Whose session ended meanwhile comes back from the login to the form they sent, with the code that led there.

    Asked before the form's token, which ended with the session.
    """
    code = _plain_code(request.form.get("p", ""))
    if current_member() is not None or (wants_fragment() and not code):
        return None
    return go(login_url(url_for("coupons.new_claim", slug=slug, p=code or None), f"/coupons/{slug}"))


@blueprint.post("/coupons/<slug>/claims")
@access("member")
@answers_early(_refused_early)
def claim(slug: str) -> Response:
    sent, form = read_claim(), None
    if sent is not None:
        try:
            return _claimed(_claim(slug, sent).code)
        except DomainError as refusal:
            if refusal.status != 422:
                raise
            form = _onto(ClaimForm(), refusal)
    if form is None:
        form = ClaimForm()
        form.validate()
    return _claim_page(queries.get_card(slug, clock.now()), form, g.member.id, 422)


@blueprint.get("/coupons/claims/new")
@access("member")
def new_passphrase() -> Response:
    """有口令: which campaign it belongs to, the passphrase knows."""
    return _passphrase_page(ClaimForm(formdata=None, key=ids.token(16)))


@blueprint.post("/coupons/claims")
@access("member")
def claim_by_passphrase() -> Response:
    form = ClaimForm()
    if not form.validate():
        return _passphrase_page(form, 422)
    try:
        claimed = _by_passphrase(Claim(form.key.data or "", "", form.passphrase.data or ""))
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _passphrase_page(_onto(form, refusal), 422)
    return go(url_for("coupons.show_coupon", code=claimed.code))


@blueprint.get("/coupons/gifts/<token>")
@access("public")
def show_gift(token: str) -> Response:
    """What a clerk's screen led to: one coupon for whoever takes it first."""
    g.private = True
    return _gift_page(token)


@blueprint.post("/coupons/gifts/<token>/claims")
@access("member")
def take_gift(token: str) -> Response:
    try:
        claimed = giving.take_ticket(actor(), token, clock.now(), secret=_secret(), touch=touch(request))
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _gift_page(token, refusal.message, 422)
    return go(url_for("coupons.show_coupon", code=claimed.code))


def _claim(slug: str, sent: Claim) -> queries.Claimed:
    """By what the person brought: a code of a poster or store, a passphrase, being new, or nothing but the wish."""
    key, now, carried = sent.key, clock.now(), touch(request)
    if sent.p:
        return ways.claim_by_code(actor(), slug, sent.p, now, key=key, touch=carried)
    try:
        return claim_coupon(actor(), slug, now, key=key, way=ClaimWay.DIRECT, channel=Channel.PAGE, touch=carried)
    except WrongWay as other:  # known before anything is locked; most are claimed by a tap
        if other.way == ClaimWay.PASSPHRASE:
            return _by_passphrase(sent)
        if other.way == ClaimWay.NEW_MEMBER:
            return ways.claim_as_newcomer(actor(), slug, now, key=key, secret=_secret(), touch=carried)
        raise


def _by_passphrase(sent: Claim) -> queries.Claimed:
    address = request.remote_addr
    return ways.claim_by_passphrase(
        actor(),
        sent.passphrase,
        clock.now(),
        key=sent.key,
        address_digest=fingerprint(_secret(), "address", address) if address else None,
        touch=touch(request),
    )


def _claimed(code: str) -> Response:
    """In place the ticket says so; from a page of its own the coupon itself is shown."""
    if not wants_fragment():
        return go(url_for("coupons.show_coupon", code=code))
    own = queries.get_own(code, g.member.id, clock.now())
    return toast(render("coupons/_claimed.html", own=own), f"已领到 {own.title}")


def _claim_page(card: queries.CampaignCard, form: ClaimForm, member_id: int | None, status: int = 200) -> Response:
    mine = queries.list_of_campaign(card.id, member_id, clock.now()) if member_id is not None else []
    code = form.p.data or ""
    if code and status == 200 and ways.find_code(card.slug, code) is None:
        form.form_errors = [CodeStopped.message]
    return render(
        "coupons/new.html",
        "coupons/_claim.html",
        status=status,
        card=card,
        form=form,
        mine=mine,
        guest=member_id is None,
        code=code,
        problem=next((str(m) for errors in form.errors.values() for m in errors), ""),
        login=login_url(url_for("coupons.new_claim", slug=card.slug, p=code or None), f"/coupons/{card.slug}"),
    )


def _passphrase_page(form: ClaimForm, status: int = 200) -> Response:
    return render("coupons/passphrase.html", status=status, form=form)


def _gift_page(token: str, problem: str = "", status: int = 200) -> Response:
    now, ticket, member = clock.now(), giving.find_ticket(token, secret=_secret()), current_member()
    own = None
    if ticket is not None and member is not None and ticket.coupon_id is not None:
        own = next((row for row in queries.list_wallet(member.id, now) if row.id == ticket.coupon_id), None)
    open_ = ticket is not None and ticket.taken_at is None and ticket.expires_at > now
    return render(
        "coupons/gift.html",
        status=status,
        card=queries.find_card(ticket.campaign_id, now) if ticket is not None else None,
        is_open=open_,
        own=own,
        token=token,
        form=ClaimForm(formdata=None),
        problem=problem,
        guest=member is None,
        login=login_url(url_for("coupons.show_gift", token=token), "/coupons"),
    )


def _onto(form: ClaimForm, refusal: DomainError) -> ClaimForm:
    """The refusal's sentence on its field, or above the form."""
    field = form[refusal.field] if refusal.field and refusal.field in form else None
    if field is not None:
        field.errors = [refusal.message]
    else:
        form.form_errors = [refusal.message]
    return form


def _code() -> str:
    return _plain_code(request.args.get("p", ""))


def _plain_code(text: str) -> str:
    code = text.strip().upper()[:16]
    return code if code.isascii() and code.isalnum() else ""


def _secret() -> str:
    return settings().secret_key.get_secret_value()
