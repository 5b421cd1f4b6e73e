"""What of a deal's units can be sold now: where each store has its own, those of a store that is closed cannot."""

from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from app.booking.models import DealDealer
from app.core.db import table_of
from app.dealers.models import Dealer

OPEN_FOR_BUSINESS = "营业"
_own, _dealers = table_of(DealDealer), table_of(Dealer)


def sellable(deals: Any) -> ColumnElement[int]:
    """Units left that some open store can sell, of a row of deals (its columns are given); the guards count the rest.

    The stores are read only for deals whose stores have units of their own.
    """
    at_open_stores = (
        select(func.coalesce(func.sum(_own.c.units_left), 0))
        .join(_dealers, _dealers.c.id == _own.c.dealer_id)
        .where(_own.c.deal_id == deals.id, _dealers.c.status == OPEN_FOR_BUSINESS)
        .scalar_subquery()
    )
    return case((deals.stock_by_dealer, at_open_stores), else_=deals.units_left)
