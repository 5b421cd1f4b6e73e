"""预览: a campaign as people would see it, for whoever holds the link; listed nowhere, gone in a day."""

from flask import Response, g

from app.core import clock
from app.core.errors import NotFound
from app.core.htmx import render
from app.core.security import access
from app.core.web import content_security_policy, settings
from app.coupons import queries
from app.coupons.previews import read_token
from app.coupons.views import blueprint


@blueprint.get("/coupons/previews/<token>")
@access("public")
def show_preview(token: str) -> Response:
    """May be framed by the back office alone; nothing on it can be claimed."""
    g.private = True
    card = queries.find_card(read_token(token), clock.now())
    if card is None:
        raise NotFound
    response = render("coupons/campaign.html", card=card, preview=True)
    policy = content_security_policy(settings())
    response.headers["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
