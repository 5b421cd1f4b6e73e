"""What a coupon is, promises and may do. Pure: the time is a parameter."""

from app.coupons.rules.claiming import (
    CAMPAIGN_PHASE_WORDS,
    SHOWN_PHASES,
    CampaignPhase,
    phase_of,
    terms_of,
    validity_end,
)
from app.coupons.rules.terms import Terms
from app.coupons.rules.words import (
    AUDIT_WORDS,
    STATE_WORDS,
    CampaignState,
    Channel,
    ClaimWay,
    CouponKind,
    CouponState,
    Payer,
    Scope,
    Usage,
)

__all__ = [
    "AUDIT_WORDS",
    "CAMPAIGN_PHASE_WORDS",
    "SHOWN_PHASES",
    "STATE_WORDS",
    "CampaignPhase",
    "CampaignState",
    "Channel",
    "ClaimWay",
    "CouponKind",
    "CouponState",
    "Payer",
    "Scope",
    "Terms",
    "Usage",
    "phase_of",
    "terms_of",
    "validity_end",
]
