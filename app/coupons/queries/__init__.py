"""The read side of the coupons, by noun."""

from app.coupons.queries.claims import Claimed
from app.coupons.queries.counter import CounterCoupon, find_for_counter, list_by_phone_tail

__all__ = ["Claimed", "CounterCoupon", "find_for_counter", "list_by_phone_tail"]
