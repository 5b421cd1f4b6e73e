"""评价: what people who were really at a store say of it, and the store's one answer.

A review hangs off one booking that was handed over, one test drive that was driven or one coupon that was redeemed, and
there is one for each at most. The room that owns the thing vouches for it: it writes through `services.write_review`
in its own transaction, or registers in `subjects` and this room's form does the rest. shown → hidden (headquarters,
with a reason) → shown.
"""
