"""The read side of the coupons, by noun."""

from app.coupons.queries.campaigns import (
    CampaignCard,
    find_card,
    find_dealer_id,
    find_series_id,
    find_stock,
    get_card,
    list_centre,
    list_for_dealer,
    list_for_series,
    list_for_you,
    list_stock,
    next_change,
)
from app.coupons.queries.claims import Claimed
from app.coupons.queries.counter import CounterCoupon, find_for_counter, list_by_phone_tail
from app.coupons.queries.wallet import (
    TABS,
    OwnCoupon,
    count_ready,
    count_wallet,
    get_own,
    list_of_campaign,
    list_stores,
    list_wallet,
    plain_of,
    plain_of_terms,
)

__all__ = [
    "TABS",
    "CampaignCard",
    "Claimed",
    "CounterCoupon",
    "OwnCoupon",
    "count_ready",
    "count_wallet",
    "find_card",
    "find_dealer_id",
    "find_for_counter",
    "find_series_id",
    "find_stock",
    "get_card",
    "get_own",
    "list_by_phone_tail",
    "list_centre",
    "list_for_dealer",
    "list_for_series",
    "list_for_you",
    "list_of_campaign",
    "list_stock",
    "list_stores",
    "list_wallet",
    "next_change",
    "plain_of",
    "plain_of_terms",
]
