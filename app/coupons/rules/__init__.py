"""What a coupon is, promises and may do. Pure: the time is a parameter."""

from app.coupons.rules.terms import Terms
from app.coupons.rules.words import (
    STATE_WORDS,
    CampaignState,
    ClaimWay,
    CouponKind,
    CouponState,
    Payer,
    Usage,
)

__all__ = ["STATE_WORDS", "CampaignState", "ClaimWay", "CouponKind", "CouponState", "Payer", "Terms", "Usage"]
