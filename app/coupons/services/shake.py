"""摇一摇: the server throws the dice, writes the try down, and claims for who won. All in one transaction."""

import hashlib
from datetime import datetime, time
from typing import NamedTuple

from sqlalchemy import delete, func, select, update

from app.core import clock, ids
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.coupons.errors import (
    AllClaimedToday,
    DayLimit,
    NoChance,
    PersonLimit,
    PlaceNeeded,
    ShakesUsed,
    TooFar,
    WrongChannel,
    WrongWay,
)
from app.coupons.models import CampaignDay, CampaignDealer, ClaimCode, ClaimTry, Coupon, CouponCampaign
from app.coupons.queries.claims import Claimed, look_before
from app.coupons.rules import Channel, ClaimWay
from app.coupons.rules.claiming import channel_allowed
from app.coupons.rules.shake import ROLL_DIGITS, TRIES_PER_DAY, too_far_words, wins
from app.coupons.services.claim import claim_coupon, refusal_of, scoped
from app.coupons.services.ways import TRIES_KEPT, find_code
from app.dealers import queries as dealers
from app.dealers.rules import distance_words
from app.members.services import lock_member
from app.visits.rules import Touch

KIND = "shake"


class Place(NamedTuple):
    """Where somebody says to be, in GCJ-02. Used once, never kept."""

    lat: float
    lng: float


class Shaken(NamedTuple):
    """What came of one shake, and how many are left today."""

    won: bool
    tries_left: int
    claimed: Claimed | None


@retry_deadlock
def shake(
    actor: Actor,
    slug: str,
    now: datetime,
    *,
    key: str,
    place: Place | None = None,
    store_code: str = "",
    touch: Touch | None = None,
) -> Shaken:
    """One try of the member who acts; the same `key` is the same try with the same outcome.

    What can be refused is refused before the dice are thrown and costs no try. Near a store is who says a place near
    one, once, or came by a code that hangs in one.
    NotFound, WrongWay, PlaceNeeded, TooFar, ShakesUsed, and the refusals of a claim.
    """
    member_id = actor.id
    if actor.kind != "member" or member_id is None:
        raise NotFound
    if (known := find_shaken(member_id, slug, key, now)) is not None:
        return known
    campaign = db.session.scalar(select(CouponCampaign).where(CouponCampaign.slug == slug))
    if campaign is None:
        raise NotFound
    if campaign.way != ClaimWay.SHAKE:
        raise WrongWay(campaign.way)
    campaign_id, permille = campaign.id, campaign.shake_permille
    if (refusal := refusal_of(campaign, now)) is not None:
        raise refusal
    if not permille:
        raise NoChance
    channel, dealer_id = _where(campaign, place, store_code, now)
    with transaction() as session:
        lock_member(member_id)  # one try after the other
        if (known := find_shaken(member_id, slug, key, now)) is not None:
            return known
        left = tries_left(member_id, campaign_id, now)
        if left < 1:
            raise ShakesUsed(TRIES_PER_DAY)
        _check_room(campaign_id, member_id, now)
        won = wins(ids.digits(ROLL_DIGITS), permille)
        session.add(
            row := ClaimTry(
                kind=KIND, campaign_id=campaign_id, member_id=member_id, key=_try_key(member_id, slug, key), won=won,
                at=now,
            )
        )  # fmt: skip
        session.flush()
        if not won:
            return Shaken(False, left - 1, None)
        claim_key = _claim_key(row.id)
        if code := channel.partition(":")[2]:
            changed_rows(update(ClaimCode).where(ClaimCode.code == code).values(claimed=ClaimCode.claimed + 1))
        claimed = claim_coupon(
            actor, slug, now, key=claim_key, way=ClaimWay.SHAKE, channel=channel, dealer_id=dealer_id, touch=touch
        )
        return Shaken(True, left - 1, claimed)


def find_shaken(member_id: int, slug: str, key: str, now: datetime) -> Shaken | None:
    """What came of the try that this key was sent with before; None: it is new."""
    row = db.session.scalar(select(ClaimTry).where(ClaimTry.key == _try_key(member_id, slug, key)))
    if row is None or row.campaign_id is None:
        return None
    before = look_before(slug, member_id, scoped(slug, _claim_key(row.id))) if row.won else None
    return Shaken(row.won, tries_left(member_id, row.campaign_id, now), before.same if before else None)


def tries_left(member_id: int, campaign_id: int, now: datetime) -> int:
    """How often the person may still shake for this campaign today."""
    midnight = clock.from_local(datetime.combine(clock.local(now).date(), time()))
    mine = (ClaimTry.kind == KIND, ClaimTry.campaign_id == campaign_id, ClaimTry.member_id == member_id)
    tried = db.session.scalar(select(func.count()).where(*mine, ClaimTry.at >= midnight)) or 0
    return max(0, TRIES_PER_DAY - tried)


def purge_tries(now: datetime) -> int:
    """Forget tries that count no more; what was won is a coupon."""
    with transaction():
        return changed_rows(delete(ClaimTry).where(ClaimTry.kind == KIND, ClaimTry.at < now - TRIES_KEPT))


def _where(campaign: CouponCampaign, place: Place | None, store_code: str, now: datetime) -> tuple[str, int | None]:
    """Over what it is got, once it is sure that the person may be there."""
    code = find_code(campaign.slug, store_code) if store_code else None
    in_store = code is not None and code.dealer_id is not None
    channel = f"{Channel.STORE_CODE}:{code.code}" if code is not None and in_store else Channel.PAGE.value
    if not channel_allowed(campaign.channels, channel):
        raise WrongChannel(campaign.channels)
    if campaign.near_m and not in_store:
        _check_place(campaign, campaign.near_m, place, now)
    return channel, code.dealer_id if code is not None else None


def _check_place(campaign: CouponCampaign, most: int, place: Place | None, now: datetime) -> None:
    if place is None:
        raise PlaceNeeded(most)
    among = None
    if not campaign.all_dealers:
        among = list(
            db.session.scalars(select(CampaignDealer.dealer_id).where(CampaignDealer.campaign_id == campaign.id))
        )
    rows, _ = dealers.nearest(place.lat, place.lng, now, limit=1, among=among)
    if not rows:
        raise TooFar("现在没有适用的门店营业，暂时不能摇。")
    metres = rows[0].distance_m or 0.0
    if metres > most:
        raise TooFar(too_far_words(rows[0].dealer.name, distance_words(metres), most))


def _check_room(campaign_id: int, member_id: int, now: datetime) -> None:
    """Nobody wins what they could not take: limits are judged before the dice are thrown."""
    campaign = db.session.get_one(CouponCampaign, campaign_id, populate_existing=True)
    today = clock.local(now).date()
    own = select(func.count()).where(Coupon.campaign_id == campaign_id, Coupon.member_id == member_id)
    if (db.session.scalar(own.where(Coupon.slot.is_not(None))) or 0) >= campaign.per_person:
        raise PersonLimit
    of_today = db.session.scalar(own.where(Coupon.claimed_on == today, Coupon.day_slot.is_not(None))) or 0
    if campaign.per_day is not None and of_today >= campaign.per_day:
        raise DayLimit
    gone = db.session.get(CampaignDay, (campaign_id, today), populate_existing=True)
    if campaign.daily_total is not None and gone is not None and gone.claimed >= campaign.daily_total:
        raise AllClaimedToday


def _try_key(member_id: int, slug: str, key: str) -> str:
    return hashlib.sha256(f"{KIND}:{member_id}:{slug}:{key}".encode()).hexdigest()


def _claim_key(try_id: int) -> str:
    return f"{KIND}:{try_id}"
