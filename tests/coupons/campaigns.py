"""Campaigns, stores and people to claim them; SAMPLE data made for tests."""

import itertools
from datetime import datetime, timedelta

from app.core.db import db, transaction
from app.core.security import Actor
from app.coupons.models import CampaignDealer, CampaignSeries, Coupon, CouponCampaign
from app.coupons.queries.claims import Claimed
from app.coupons.services.claim import claim_coupon
from app.ledger.models import LedgerEntry
from app.members.rules import OFFERS, OFFERS_TEXT, OFFERS_VERSION
from app.members.services.consents import record_consent
from tests.booking import shop as s

NOW = s.NOW
_keys = itertools.count(1)
member, clerk = s.member, s.clerk


def campaign(
    slug: str = "c1", *, dealers: tuple[int, ...] | None = None, series: tuple[int, ...] = (), **given: object
) -> int:
    """One running campaign: a voucher of 3,000 yuan, a hundred of them, one each, good until the end of the year."""
    values: dict[str, object] = {
        "slug": slug, "title": "到店试驾礼券", "kind": "代金券", "face_fen": 300_000, "total": 100, "per_person": 1,
        "way": "直接领取", "claim_from": NOW - timedelta(days=1), "claim_until": NOW + timedelta(days=5),
        "valid_until": NOW + timedelta(days=30), "all_dealers": dealers is None, "published_at": NOW, **given,
    }  # fmt: skip
    with transaction():
        row = CouponCampaign(**values)
        db.session.add(row)
        db.session.flush()
        db.session.add_all([CampaignDealer(campaign_id=row.id, dealer_id=one) for one in dealers or ()])
        db.session.add_all([CampaignSeries(campaign_id=row.id, series_id=one) for one in series])
        return row.id


def claim(who: Actor, slug: str = "c1", now: datetime = NOW, **given: object) -> Claimed:
    values: dict[str, object] = {"key": f"key-{next(_keys)}", "way": "直接领取", **given}
    return claim_coupon(who, slug, now, **values)  # pyright: ignore[reportArgumentType]


def agree(who: Actor) -> None:
    """The person wants to hear of offers."""
    record_consent(who.id or 0, OFFERS, OFFERS_VERSION, OFFERS_TEXT, now=NOW)


def coupon(coupon_id: int) -> Coupon:
    """The coupon as it stands in the database now."""
    db.session.rollback()
    return db.session.get_one(Coupon, coupon_id, populate_existing=True)


def change(slug: str = "c1", **values: object) -> None:
    """Somebody edits the campaign."""
    with transaction():
        row = db.session.query(CouponCampaign).filter_by(slug=slug).with_for_update().one()
        for name, value in values.items():
            setattr(row, name, value)


def counts(slug: str = "c1") -> tuple[int, int]:
    """What the campaign counted, and the coupons there are."""
    db.session.rollback()
    row = db.session.query(CouponCampaign).filter_by(slug=slug).populate_existing().one()
    return row.claimed, db.session.query(Coupon).filter_by(campaign_id=row.id).count()


def events(coupon_id: int) -> list[str]:
    """What the ledger says of the coupon."""
    db.session.rollback()
    rows = db.session.query(LedgerEntry).filter_by(subject=f"coupon:{coupon_id}").order_by(LedgerEntry.id)
    return [row.event for row in rows]


SECRET = "a secret of the tests, long enough"
