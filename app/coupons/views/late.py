"""Somebody comes when all is claimed: told at once, from what is kept, before anything is locked or checked."""

from flask import Response

from app.core import clock
from app.core.caching import kept_body
from app.core.htmx import render, wants_fragment
from app.coupons import queries
from app.coupons.errors import AllClaimed
from app.coupons.forms import ClaimForm
from app.coupons.queries.claims import look_late
from app.coupons.rules import CampaignPhase, ClaimWay, phase_of
from app.members.session import claimed_member_id

TOLD = frozenset({ClaimWay.DIRECT, ClaimWay.SCAN})  # what other ways ask for is judged first


def answer_late(slug: str) -> Response | None:
    """That all are claimed, when that is certain: for everybody but who has a coupon of this campaign.

    A crowd is refused by one small read, and what it sent is not read at all; the page is the same for all.
    """
    member_id = claimed_member_id()
    if member_id is None:
        return None
    now = clock.now()
    late = look_late(slug, member_id)
    if late is None or late.holds or late.campaign.way not in TOLD:
        return None
    if phase_of(late.campaign, now) is not CampaignPhase.EXHAUSTED:
        return None
    address = ("all claimed", slug, clock.local(now).date(), wants_fragment())  # the page says until when, in days
    response = Response(kept_body(late.published, address, lambda: _page(slug)), 422)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "HX-Request"
    return response


def _page(slug: str) -> Response:
    card, form = queries.get_card(slug, clock.now()), ClaimForm(formdata=None)
    given = {"card": card, "form": form, "mine": [], "guest": False, "code": "", "login": ""}
    return render("coupons/new.html", "coupons/_claim.html", problem=AllClaimed.message, **given)
