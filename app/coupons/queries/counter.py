"""Coupons as the counter sees them: what, whose, in which state. Whose is masked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from app.core.db import db
from app.coupons.models import CampaignTerms, Coupon, CouponCampaign
from app.coupons.rules import CouponState, Terms, Usage
from app.dealers.models import Dealer
from app.members.models import Member
from app.members.rules import mask_name, mask_phone

MOST = 20


@dataclass(frozen=True, slots=True)
class CounterCoupon:
    """One coupon with its own terms. `phone` is masked, `phone_tail` its last four digits; empty without a number."""

    id: int
    code: str
    campaign_id: int
    campaign_slug: str
    terms_id: int
    terms: Terms
    member_id: int
    who: str
    phone: str
    phone_tail: str
    state: str
    valid_from: datetime
    valid_until: datetime
    held_by: int | None
    redeemed_at: datetime | None
    redeemed_dealer_id: int | None
    redeemed_where: str
    redeemed_fen: int | None
    revoked_reason: str

    def usable_at(self, dealer_id: int, now: datetime) -> bool:
        """Whether it can be redeemed at this dealer now."""
        return (
            self.state == CouponState.ISSUED
            and self.valid_from <= now < self.valid_until
            and self.terms.usage != Usage.ONLINE
            and (self.terms.dealers is None or dealer_id in self.terms.dealers)
        )


def find_for_counter(coupon: str | int) -> CounterCoupon | None:
    """By its number (the code in its address) or its id."""
    condition = Coupon.id == coupon if isinstance(coupon, int) else Coupon.code == coupon.strip().upper()
    return next(iter(_list(_read(condition))), None)


def list_by_phone_tail(tail: str, dealer_id: int, now: datetime) -> list[CounterCoupon]:
    """What people whose proved number ends so could use at this dealer now, soonest to end first."""
    found = _read(
        Coupon.state == CouponState.ISSUED.value,
        Coupon.valid_until > now,
        Member.phone_verified_at.is_not(None),
        func.substr(Member.phone, 8, 4) == tail,
    )
    rows = _list(found.order_by(Coupon.valid_until, Coupon.id).limit(MOST * 10))
    return [row for row in rows if row.usable_at(dealer_id, now)][:MOST]


def _read(*conditions: ColumnElement[bool]) -> Select[Coupon, str, dict[str, Any], str, str | None, str]:
    return (
        select(Coupon, CouponCampaign.slug, CampaignTerms.rules, Member.name, Member.phone, Dealer.name)
        .join(CouponCampaign, CouponCampaign.id == Coupon.campaign_id)
        .join(CampaignTerms, CampaignTerms.id == Coupon.terms_id)
        .join(Member, Member.id == Coupon.member_id)
        .outerjoin(Dealer, Dealer.id == Coupon.redeemed_dealer_id)
        .where(*conditions)
        .execution_options(populate_existing=True)
    )


def _list(wanted: Select[Coupon, str, dict[str, Any], str, str | None, str]) -> list[CounterCoupon]:
    return [_coupon(*row) for row in db.session.execute(wanted)]


def _coupon(
    row: Coupon, slug: str, rules: dict[str, Any], name: str, phone: str | None, where: str | None
) -> CounterCoupon:
    return CounterCoupon(
        id=row.id,
        code=row.code,
        campaign_id=row.campaign_id,
        campaign_slug=slug,
        terms_id=row.terms_id,
        terms=Terms.from_json(rules),
        member_id=row.member_id,
        who=mask_name(name),
        phone=mask_phone(phone) if phone else "",
        phone_tail=phone[-4:] if phone else "",
        state=row.state,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        held_by=row.held_by,
        redeemed_at=row.redeemed_at,
        redeemed_dealer_id=row.redeemed_dealer_id,
        redeemed_where=where or "",
        redeemed_fen=row.redeemed_fen,
        revoked_reason=row.revoked_reason,
    )
