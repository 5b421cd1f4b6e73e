"""Tables of the room, by noun. Other rooms and modules use the names below."""

from app.coupons.models.campaigns import (
    CampaignDay,
    CampaignDealer,
    CampaignRehearsal,
    CampaignSeries,
    CampaignTerms,
    CouponCampaign,
)
from app.coupons.models.coupons import ClaimTry, Coupon
from app.coupons.models.draws import Draw, DrawEntry
from app.coupons.models.giving import ClaimCode, GiftTicket, GivingRun, GivingTarget
from app.coupons.models.wishes import Wish, WishGroup

__all__ = [
    "CampaignDay",
    "CampaignDealer",
    "CampaignRehearsal",
    "CampaignSeries",
    "CampaignTerms",
    "ClaimCode",
    "ClaimTry",
    "Coupon",
    "CouponCampaign",
    "Draw",
    "DrawEntry",
    "GiftTicket",
    "GivingRun",
    "GivingTarget",
    "Wish",
    "WishGroup",
]
