"""许愿: a member's own wishes, and claiming what answers one."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import false, func, or_, select, update

from app.catalog.models import Series
from app.core import clock
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.coupons.errors import NotWished, TooManyWishes, WishesOfDay, WishGone, WishRefused
from app.coupons.models import CouponCampaign, Wish
from app.coupons.queries.claims import Claimed
from app.coupons.rules import Channel, ClaimWay
from app.coupons.rules.wish import KINDS, OPEN_AT_ONCE, PER_DAY, WAITING, WishState, clean, problem_of
from app.coupons.services.claim import claim_coupon
from app.members.services import lock_member
from app.visits.rules import Touch


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wish as it was written. `series` and `campaign` are slugs, empty for none."""

    kind: str
    text: str
    series: str = ""
    city: str = ""
    campaign: str = ""


def publish_wish(actor: Actor, wanted: Wanted, now: datetime, *, key: str) -> int:
    """Tell headquarters; the id of the wish. The same `key` is the same wish.

    Nobody but headquarters and the person reads it. NotFound, WishRefused, TooManyWishes, WishesOfDay.
    """
    member_id = actor.id
    if actor.kind != "member" or member_id is None:
        raise NotFound
    text, city = clean(wanted.text), clean(wanted.city)[:24]
    if (problem := problem_of(text)) is not None:
        raise WishRefused(problem)
    if wanted.kind not in KINDS:
        raise WishRefused("请选择想要哪种优惠。", field="kind")
    series_id, campaign_id = _series_id(wanted.series), _campaign_id(wanted.campaign)
    key = hashlib.sha256(f"wish:{member_id}:{key}".encode()).hexdigest()
    with transaction() as session:
        lock_member(member_id)  # one after the other
        known = session.scalar(select(Wish.id).where(Wish.key == key))
        if known is not None:
            return known
        _check_limits(member_id, now)
        row = Wish(
            member_id=member_id, campaign_id=campaign_id, kind=wanted.kind, series_id=series_id, city=city, text=text,
            key=key, state=WishState.OPEN.value, created_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def withdraw_wish(actor: Actor, wish_id: int) -> None:
    """Take it back: the words are gone, and with them the head start. NotFound (also for somebody else's), WishGone."""
    with transaction():
        mine = (Wish.id == wish_id, Wish.member_id == (actor.id if actor.kind == "member" else None))
        gone = update(Wish).where(*mine, Wish.state.not_in((WishState.WITHDRAWN.value, WishState.DECLINED.value)))
        if changed_rows(gone.values(text="", city="", state=WishState.WITHDRAWN.value)) == 1:
            return
        if db.session.scalar(select(Wish.id).where(*mine)) is None:
            raise NotFound
        raise WishGone


def claim_as_wisher(actor: Actor, slug: str, now: datetime, *, key: str, touch: Touch | None = None) -> Claimed:
    """Claim what answers one's wish, or what one wished for on its own page. NotWished, the refusals of a claim."""
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    campaign = db.session.scalar(select(CouponCampaign).where(CouponCampaign.slug == slug))
    if campaign is None:
        raise NotFound
    if campaign.way == ClaimWay.WISH and not has_wished(actor.id, campaign):
        raise NotWished
    return claim_coupon(actor, slug, now, key=key, way=ClaimWay.WISH, channel=Channel.PAGE, touch=touch)


def standing_of(member_id: int, slug: str, now: datetime) -> tuple[bool, datetime | None]:
    """Whether a wish of the person stands for this campaign, and from when it can be claimed if others come first."""
    campaign = db.session.scalar(select(CouponCampaign).where(CouponCampaign.slug == slug))
    if campaign is None or not has_wished(member_id, campaign):
        return False, None
    until = campaign.head_start_until
    if until is None or until <= now or has_wished(member_id, campaign, in_group=True):
        return True, None
    return True, until


def has_wished(member_id: int, campaign: CouponCampaign, *, in_group: bool = False) -> bool:
    """Whether a wish of the person stands for this campaign: in the group it answers or written on its page;
    with `in_group` in the group alone, whose wishers come first."""
    stands = Wish.state.not_in((WishState.WITHDRAWN.value, WishState.DECLINED.value))
    for_it = [] if in_group else [Wish.campaign_id == campaign.id]
    if campaign.wish_group_id is not None:
        for_it.append(Wish.group_id == campaign.wish_group_id)
    mine = select(Wish.id).where(Wish.member_id == member_id, stands, or_(false(), *for_it))
    return db.session.scalar(mine.limit(1)) is not None


def _check_limits(member_id: int, now: datetime) -> None:
    mine = select(func.count()).where(Wish.member_id == member_id)
    if (db.session.scalar(mine.where(Wish.state.in_([s.value for s in WAITING]))) or 0) >= OPEN_AT_ONCE:
        raise TooManyWishes(OPEN_AT_ONCE)
    midnight = clock.from_local(datetime.combine(clock.local(now).date(), time()))
    if (db.session.scalar(mine.where(Wish.created_at >= midnight)) or 0) >= PER_DAY:
        raise WishesOfDay


def _series_id(slug: str) -> int | None:
    if not slug:
        return None
    found = db.session.scalar(select(Series.id).where(Series.slug == slug))
    if found is None:
        raise WishRefused("请重新选择车系。", field="series")
    return found


def _campaign_id(slug: str) -> int | None:
    if not slug:
        return None
    found = db.session.scalar(
        select(CouponCampaign.id).where(CouponCampaign.slug == slug, CouponCampaign.way == ClaimWay.WISH.value)
    )
    if found is None:
        raise NotFound
    return found
