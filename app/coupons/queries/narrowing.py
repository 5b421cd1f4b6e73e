"""Which stores a campaign's coupons can be used at, for the list of stores."""

from datetime import datetime

from app.core import publishing
from app.core.errors import NotFound
from app.coupons.queries.campaigns import get_card
from app.dealers.narrowing import Narrowed


def narrow_dealers(slug: str, now: datetime) -> Narrowed | None:
    """The campaign's title and its stores; kept while nothing is published."""
    return publishing.remembered_one("coupon_stores", slug, lambda: _read(slug, now), 64)


def _read(slug: str, now: datetime) -> Narrowed | None:
    try:
        card = get_card(slug, now)
    except NotFound:
        return None
    stores = card.terms.dealers
    return Narrowed(card.title, f"/coupons/{slug}", None if stores is None else frozenset(stores))
