"""发券: a clerk picks a campaign, shows its code for five minutes, and sees when the customer has taken it."""

from flask import Response, request, url_for

from app.core import clock
from app.core.htmx import go, render
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import actor, settings
from app.redemption.forms import GiftForm
from app.redemption.services import gifts
from app.redemption.views import blueprint


@blueprint.get("/staff/gifts")
@access("staff")
def list_gifts() -> Response:
    return render("redemption/gifts.html", gifts=gifts.list_giveable(actor(), clock.now()), form=GiftForm())


@blueprint.post("/staff/gifts")
@access("staff")
def open_gift() -> Response:
    """The code is shown in this very answer: its token is kept nowhere."""
    form = GiftForm()
    if not form.validate():
        return go(url_for("redemption.list_gifts"))
    secret = settings().secret_key.get_secret_value()
    ticket = gifts.open_gift(actor(), form.campaign.data or "", clock.now(), secret=secret)
    link = f"{settings().public_base_url.rstrip('/')}/coupons/gifts/{ticket.token}"
    return render(
        "redemption/gift.html", ticket=ticket, qr=qr_svg(link), state="waiting", slug=form.campaign.data, form=form
    )


@blueprint.get("/staff/gifts/<int:gift_id>/state")
@access("staff")
def show_gift_state(gift_id: int) -> Response:
    """A fragment, asked every 2 s until it is taken or over; 204 while nothing has changed."""
    state = gifts.gift_state(gift_id, actor(), clock.now())
    if state == "waiting":
        return Response(status=204)
    slug = request.args.get("campaign", "")[:64]
    return render("redemption/_gift.html", state=state, slug=slug, form=GiftForm(formdata=None))
