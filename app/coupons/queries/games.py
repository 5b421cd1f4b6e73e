"""What the pages of the games show beside the campaign itself."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import CouponCampaign
from app.coupons.queries.campaigns import CampaignCard, get_card
from app.coupons.rules import ClaimWay
from app.coupons.rules.shake import TRIES_PER_DAY, chance_words


@dataclass(frozen=True, slots=True)
class ShakePage:
    """A campaign that is shaken for. `near_m` None: anywhere."""

    card: CampaignCard
    chance: str
    near_m: int | None
    tries: int = TRIES_PER_DAY


def get_shake_page(slug: str, now: datetime) -> ShakePage:
    """The page of 摇一摇; NotFound for a campaign that is got in another way."""
    card = get_card(slug, now)
    if card.way != ClaimWay.SHAKE:
        raise NotFound
    row = db.session.execute(
        select(CouponCampaign.shake_permille, CouponCampaign.near_m).where(CouponCampaign.id == card.id)
    ).one()
    permille, near_m = row[0], row[1]
    return ShakePage(card, "" if permille is None else chance_words(permille), near_m)
