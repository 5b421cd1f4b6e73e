"""The read side of the dealers, by noun. Other rooms use the names below."""

from app.dealers.queries.nearest import nearest
from app.dealers.queries.stores import (
    PAGE,
    SHOWN,
    Counted,
    NearDealer,
    count_in_city,
    find_in_city,
    get_dealer,
    list_cities,
    list_in_city,
    open_state,
)

__all__ = [
    "PAGE",
    "SHOWN",
    "Counted",
    "NearDealer",
    "count_in_city",
    "find_in_city",
    "get_dealer",
    "list_cities",
    "list_in_city",
    "nearest",
    "open_state",
]
