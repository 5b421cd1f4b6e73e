"""Sample games of the demo: to shake for, to wish for, and a draw that is open. `stage_demo` calls it."""

from datetime import datetime, timedelta

from sqlalchemy import select

from app.catalog.models import Series
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.security import SYSTEM
from app.coupons.models import CouponCampaign, Draw
from app.coupons.rules import CampaignState, ClaimWay
from app.coupons.services import draw_office
from app.coupons.services.draw_office import Plan

SHAKE, WISH, DRAW = "demo-shake", "demo-wish", "demo-draw"
BEACON = "参与结束后第一期双色球的红球号码，从小到大用空格隔开"
ORGANISER = "展厅（样例数据），客服 0571-88880000"


def stage(now: datetime) -> None:
    """Made once, where there is something to sell."""
    if db.session.scalar(select(Series.id).limit(1)) is None:
        return
    campaign(
        SHAKE, now, way=ClaimWay.SHAKE.value, title="摇一摇购车礼券", face_fen=80_000, total=200, shake_permille=250
    )
    campaign(WISH, now, way=ClaimWay.WISH.value, title="许愿礼券", face_fen=30_000, total=100)
    campaign(DRAW, now, way=ClaimWay.DRAW.value, title="夺券购车礼券", face_fen=300_000, total=3)
    _draw(now)


def campaign(slug: str, now: datetime, **given: object) -> None:
    """One that runs, made once."""
    if db.session.scalar(select(CouponCampaign.id).where(CouponCampaign.slug == slug)) is not None:
        return
    with transaction() as session:
        usual = {"per_person": 1, "scope": "整车", "stackable": True, "terms": "样例数据。"}
        session.add(
            CouponCampaign(
                slug=slug, kind="代金券", usage="通用", claim_from=now - timedelta(days=1),
                claim_until=now + timedelta(days=30), valid_until=now + timedelta(days=90),
                state=CampaignState.PUBLISHED.value, published_at=now, **usual | given,
            )
        )  # fmt: skip


def _draw(now: datetime) -> None:
    of = select(Draw.id).join(CouponCampaign, CouponCampaign.id == Draw.campaign_id).where(CouponCampaign.slug == DRAW)
    if db.session.scalar(of) is not None:
        return
    before = now - draw_office.LEAD  # open at once, for who tries the demo
    campaign = db.session.scalars(select(CouponCampaign).where(CouponCampaign.slug == DRAW)).one()
    plan = Plan(campaign.total, campaign.claim_until + timedelta(days=7), BEACON, ORGANISER, {})
    try:
        draw_office.prepare(SYSTEM, DRAW, plan, before)
        draw_office.publish(SYSTEM, DRAW, before, enabled=True)
    except DomainError as refusal:
        print(f"  demo: {refusal.message}")
