"""门店详情: one store; what higher rooms know of it comes as fragments by address."""

from datetime import datetime, timedelta

from flask import Response

from app.core import clock
from app.core.caching import cached_page, good_until
from app.core.htmx import render
from app.core.security import access
from app.dealers import maps, queries, timetable
from app.dealers.hours import Hours, parse
from app.dealers.models import Dealer
from app.dealers.queries import store, submissions
from app.dealers.rules import SHOWN, DealerStatus
from app.dealers.views import blueprint


@blueprint.get("/dealers/<slug>")
@access("public")
@cached_page()
def show_dealer(slug: str) -> Response:
    """One store: facts, hours, its prices and activities of today, ways to get there.

    One that closed or was taken down says so in words, with the others of its city: its address is on paper.
    """
    dealer, now = store.get_any(slug), clock.now()
    if dealer.status not in SHOWN:
        return render("dealers/gone.html", status=410, dealer=dealer, others=_others(dealer, now))
    good_until(now.replace(second=0, microsecond=0) + timedelta(minutes=1))  # it opens and closes on the minute
    good_until(store.next_change(dealer.id, now))
    hours, today = parse(dealer.hours), clock.local(now).date()
    return render(
        "dealers/show.html",
        dealer=dealer,
        address=address_of(dealer),
        state=queries.open_state(dealer, now),
        paused=dealer.status == DealerStatus.PAUSED,
        week=_week(hours, now),
        special=timetable.special_rows(hours, today),
        hours_known=hours.known,
        photo=submissions.find_picture(dealer.photo_id),
        prices=store.list_promo_prices(dealer.id, now),
        activities=store.list_activities(dealer.id, now),
        links=_links(dealer),
    )


def address_of(dealer: Dealer) -> str:
    """The address in full; a municipality is named once."""
    city = "" if dealer.city == dealer.province else dealer.city
    return f"{dealer.province}{city}{dealer.district}{dealer.address}"


def _week(hours: Hours, now: datetime) -> list[timetable.DayRow]:
    today = clock.local(now).date()
    return timetable.week_rows(hours, today, special_today=any(day == today for day, _ in hours.dates))


def _links(dealer: Dealer) -> list[tuple[str, str]]:
    where = dealer.lat, dealer.lng, dealer.name
    return [
        ("腾讯地图", maps.tencent(*where, dealer.address)),
        ("高德地图", maps.amap(*where)),
        ("百度地图", maps.baidu(*where, dealer.address)),
    ]


def _others(dealer: Dealer, now: datetime) -> list[queries.NearDealer]:
    """Stores to go to instead: the nearest that are not closed."""
    return queries.nearest(dealer.lat, dealer.lng, now, limit=3)[0]
