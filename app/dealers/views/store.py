"""门店详情: one store."""

from flask import Response

from app.core import clock
from app.core.caching import public
from app.core.htmx import render
from app.core.security import access
from app.dealers import maps, queries
from app.dealers.hours import parse
from app.dealers.models import Dealer
from app.dealers.views import blueprint


@blueprint.get("/dealers/<slug>")
@access("public")
def show_dealer(slug: str) -> Response:
    """One store: facts, hours, ways to get there."""
    dealer = queries.get_dealer(slug)
    where = dealer.lat, dealer.lng, dealer.name
    links = [
        ("腾讯地图", maps.tencent(*where, dealer.address)),
        ("高德地图", maps.amap(*where)),
        ("百度地图", maps.baidu(*where, dealer.address)),
    ]
    return public(
        render(
            "dealers/show.html",
            dealer=dealer,
            address=_address(dealer),
            state=queries.open_state(dealer, clock.now()),
            hours=[line.strip() for line in dealer.hours.split("；") if line.strip()],
            hours_known=parse(dealer.hours).known,
            links=links,
        )
    )


def _address(dealer: Dealer) -> str:
    """The address in full; a municipality is named once."""
    city = "" if dealer.city == dealer.province else dealer.city
    return f"{dealer.province}{city}{dealer.district}{dealer.address}"
