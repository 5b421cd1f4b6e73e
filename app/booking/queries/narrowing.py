"""Which stores take part in a deal, for the list of stores."""

from datetime import datetime

from sqlalchemy import select

from app.booking.models import DealDealer, OnePriceDeal
from app.core import publishing
from app.core.db import db
from app.dealers.narrowing import Narrowed


def narrow_dealers(slug: str, _now: datetime) -> Narrowed | None:
    """The deal's title and its stores; kept while nothing is published."""
    return publishing.remembered_one("deal_stores", slug, lambda: _read(slug), 64)


def _read(slug: str) -> Narrowed | None:
    columns = (OnePriceDeal.id, OnePriceDeal.title, OnePriceDeal.all_dealers)
    deal = db.session.execute(
        select(*columns).where(OnePriceDeal.slug == slug, OnePriceDeal.withdrawn.is_(False))
    ).one_or_none()
    if deal is None:
        return None
    own = select(DealDealer.dealer_id).where(DealDealer.deal_id == deal.id)
    return Narrowed(deal.title, f"/deals/{slug}", None if deal.all_dealers else frozenset(db.session.scalars(own)))
