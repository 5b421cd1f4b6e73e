"""What a claim is made of, read in few statements, also while the campaign is locked for it."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, and_, bindparam, select, true

from app.core import publishing
from app.core.db import execute, look, table_of
from app.coupons.models import CampaignDealer, CampaignSeries, Coupon, CouponCampaign
from app.coupons.rules import Terms, terms_of

_campaigns, _coupons = table_of(CouponCampaign), table_of(Coupon)
_series, _dealers = table_of(CampaignSeries), table_of(CampaignDealer)
_OWN = ("id", "code", "valid_until", "claim_key", "slot", "claimed_on", "day_slot")
_OF_CAMPAIGN = bindparam("campaign", type_=Integer)


class Claimed(NamedTuple):
    """A coupon in somebody's wallet. `again`: it was there already, got by the same key."""

    coupon_id: int
    code: str
    valid_until: datetime
    again: bool = False


class Offered(NamedTuple):
    """A campaign as it stood when it was read."""

    id: int
    slug: str
    way: str
    state: str
    withdrawn: bool
    claim_from: datetime
    claim_until: datetime
    claimed: int
    total: int
    per_person: int
    per_day: int | None
    daily_total: int | None
    valid_until: datetime | None
    valid_days: int | None
    channels: str
    head_start_until: datetime | None
    dealer_permille: int
    payer: str


_same = (
    select(_coupons.c.id, _coupons.c.code, _coupons.c.valid_until)
    .where(_coupons.c.member_id == bindparam("member"), _coupons.c.claim_key == bindparam("key"))
    .subquery()
)
OFFERED = [_campaigns.c[name] for name in Offered._fields]
_BEFORE = (
    select(*OFFERED, _same.c.id, _same.c.code, _same.c.valid_until)
    .where(_campaigns.c.slug == bindparam("slug"))
    .outerjoin_from(_campaigns, _same, true())
)
_HELD = select(_coupons.c.id).where(
    _coupons.c.campaign_id == _campaigns.c.id, _coupons.c.member_id == bindparam("member", type_=Integer)
)
_LATE = select(*OFFERED, publishing.NUMBER.scalar_subquery(), _HELD.correlate(_campaigns).exists()).where(
    _campaigns.c.slug == bindparam("slug")
)
_AGAIN = select(*OFFERED).where(_campaigns.c.id == _OF_CAMPAIGN)
# What the person has of the campaign, beside the published number as of now: one row without a coupon.
_published = table_of(publishing.PublishedVersion)
_STANDING = (
    select(_published.c.number, *(_coupons.c[name] for name in _OWN))
    .outerjoin_from(
        _published,
        _coupons,
        and_(_coupons.c.campaign_id == _OF_CAMPAIGN, _coupons.c.member_id == bindparam("member")),
    )
    .where(_published.c.id == publishing.ONLY)
)
_CAMPAIGN = select(_campaigns).where(_campaigns.c.id == _OF_CAMPAIGN)
_SERIES = select(_series.c.series_id).where(_series.c.campaign_id == _OF_CAMPAIGN)
_DEALERS = select(_dealers.c.dealer_id).where(_dealers.c.campaign_id == _OF_CAMPAIGN)


class Before(NamedTuple):
    campaign: Offered
    same: Claimed | None


class Late(NamedTuple):
    """What decides whether somebody comes too late, and under which published number the answer may be kept."""

    campaign: Offered
    published: int
    holds: bool  # this person has a coupon of it, maybe by this very form


class Standing(NamedTuple):
    """One coupon a person has of a campaign."""

    id: int
    code: str
    valid_until: datetime
    claim_key: str
    slot: int | None
    claimed_on: Any
    day_slot: int | None


def look_before(slug: str, member_id: int, key: str) -> Before | None:
    """The campaign and, if this very form was sent before, its coupon; one statement, no lock."""
    row = look(_BEFORE, {"slug": slug, "member": member_id, "key": key}).first()
    if row is None:
        return None
    *campaign, same_id, code, until = row
    return Before(Offered(*campaign), Claimed(same_id, code, until, True) if same_id is not None else None)


def look_late(slug: str, member_id: int) -> Late | None:
    """For whoever may be too late: one small read, no lock; None: no such campaign."""
    row = look(_LATE, {"slug": slug, "member": member_id}).first()
    return Late(Offered(*row[:-2]), *row[-2:]) if row else None


def read_again(campaign_id: int) -> Offered:
    """The campaign as it stands in the present transaction."""
    return Offered(*execute(_AGAIN, {"campaign": campaign_id}).one())


def list_standing(campaign_id: int, member_id: int) -> tuple[int, list[Standing]]:
    """The published number and what the person has of it, as they are once the campaign is locked."""
    rows = execute(_STANDING, {"campaign": campaign_id, "member": member_id}).rows
    return rows[0][0], [Standing(*row[1:]) for row in rows if row[1] is not None]


def read_terms(campaign_id: int) -> Terms:
    """What the campaign promises as it stands in the present transaction."""
    row = execute(_CAMPAIGN, {"campaign": campaign_id}).one()
    campaign = CouponCampaign(**dict(zip(_campaigns.c.keys(), row, strict=True)))
    series = [row[0] for row in execute(_SERIES, {"campaign": campaign_id}).rows]
    dealers = [row[0] for row in execute(_DEALERS, {"campaign": campaign_id}).rows]
    return terms_of(campaign, series, dealers)
