"""A redeemed coupon as a visit to a store, for its review."""

from datetime import datetime

from sqlalchemy import select

from app.core.db import db
from app.coupons.models import CampaignTerms, Coupon
from app.coupons.rules import Terms
from app.dealers.models import Dealer
from app.members.models import Member
from app.redemption.models import Redemption
from app.redemption.rules import SUPERVISOR_UNDO
from app.reviews.subjects import Visit


def find_visit(no: str, member_id: int, now: datetime) -> Visit | None:
    """The visit in which the member's coupon of this number was redeemed, once nobody can undo it any more."""
    row = db.session.execute(
        select(Redemption.id, Redemption.dealer_id, Dealer.name, CampaignTerms.rules, Member.name)
        .join(Coupon, Coupon.id == Redemption.subject_id)
        .join(CampaignTerms, CampaignTerms.id == Coupon.terms_id)
        .join(Dealer, Dealer.id == Redemption.dealer_id)
        .join(Member, Member.id == Coupon.member_id)
        .where(
            Redemption.subject_kind == "coupon",
            Redemption.undone_at.is_(None),
            Redemption.redeemed_at <= now - SUPERVISOR_UNDO,
            Coupon.code == no,
            Coupon.member_id == member_id,
        )
    ).one_or_none()
    if row is None:
        return None
    redemption_id, dealer_id, dealer, rules, name = row
    return Visit(redemption_id, dealer_id, dealer, Terms.from_json(rules).title, name or "", f"/me/coupons/{no}")
