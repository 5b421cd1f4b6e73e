"""领券码 with what they brought."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import ClaimCode, Coupon
from app.coupons.rules import CouponState
from app.dealers.models import Dealer


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One code. `claimed` coupons went out over it, `redeemed` of them were used."""

    id: int
    code: str
    label: str
    dealer: str
    claimed: int
    redeemed: int
    created_at: datetime
    stopped: bool


def list_codes(campaign_id: int) -> list[CodeLine]:
    """Those that work first, the latest first."""
    rows = db.session.execute(
        select(ClaimCode, Dealer.name)
        .outerjoin(Dealer, Dealer.id == ClaimCode.dealer_id)
        .where(ClaimCode.campaign_id == campaign_id)
        .order_by(ClaimCode.stopped_at.is_not(None), ClaimCode.id.desc())
        .execution_options(populate_existing=True)
    )
    used = select(Coupon.channel, func.count()).where(
        Coupon.campaign_id == campaign_id, Coupon.state == CouponState.REDEEMED.value, Coupon.channel.contains(":")
    )
    redeemed = {row[0].partition(":")[2]: row[1] for row in db.session.execute(used.group_by(Coupon.channel))}
    return [
        CodeLine(
            row.id, row.code, row.label, dealer or "", row.claimed, redeemed.get(row.code, 0), row.created_at,
            row.stopped_at is not None,
        )
        for row, dealer in rows
    ]  # fmt: skip


def campaign_of_code(code_id: int) -> int:
    """NotFound."""
    found = db.session.scalar(select(ClaimCode.campaign_id).where(ClaimCode.id == code_id))
    if found is None:
        raise NotFound
    return found
