"""Wishes as the person reads them, and as headquarters sees them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from app.catalog.models import Series
from app.core import clock
from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import CouponCampaign, Wish, WishGroup
from app.coupons.rules import CampaignPhase, CampaignState, ClaimWay, phase_of
from app.coupons.rules.wish import WISH_WORDS, WishState, page_of

MOST = 200
OFFERED = ("在售", "即将上市")


@dataclass(frozen=True, slots=True)
class OwnWish:
    """One wish of one's own. `href`, `title` of the campaign that answers it, empty without one; `waits`: from when it
    can be claimed while others come first, or None."""

    id: int
    kind: str
    series: str
    city: str
    text: str
    state: str
    when: str
    answer: str
    href: str
    title: str
    claimable: bool
    waits: datetime | None

    @property
    def words(self) -> str:
        return WISH_WORDS[WishState(self.state)]

    @property
    def may_withdraw(self) -> bool:
        return self.state not in (WishState.WITHDRAWN, WishState.DECLINED)


@dataclass(frozen=True, slots=True)
class OpenWish:
    """A wish nobody has looked at. It says nothing of who wrote it."""

    id: int
    text: str
    city: str
    when: str


@dataclass(frozen=True, slots=True)
class Heap:
    """Open wishes for the same kind of benefit and the same model: what most people ask for comes first."""

    kind: str
    series: str
    people: int
    wishes: list[OpenWish]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Wishes that headquarters put together."""

    id: int
    title: str
    people: int
    when: str
    answered: str
    answer: str
    slug: str
    campaign: str
    head_start: str


def list_series_choices() -> list[tuple[str, str]]:
    """(slug, name) of what can be wished for."""
    rows = db.session.execute(select(Series.slug, Series.name).where(Series.status.in_(OFFERED)).order_by(Series.id))
    return [(row[0], row[1]) for row in rows]


def list_own_wishes(member_id: int, now: datetime) -> list[OwnWish]:
    """The person's wishes, the newest first; what was taken back is gone."""
    rows = db.session.execute(
        select(Wish, Series.name, WishGroup, CouponCampaign)
        .outerjoin(Series, Series.id == Wish.series_id)
        .outerjoin(WishGroup, WishGroup.id == Wish.group_id)
        .outerjoin(CouponCampaign, CouponCampaign.id == func.coalesce(WishGroup.campaign_id, Wish.campaign_id))
        .where(Wish.member_id == member_id, Wish.state != WishState.WITHDRAWN.value)
        .order_by(Wish.id.desc())
        .limit(50)
    )
    return [_own(wish, series or "", group, campaign, now) for wish, series, group, campaign in rows]


def _own(wish: Wish, series: str, group: WishGroup | None, campaign: CouponCampaign | None, now: datetime) -> OwnWish:
    if campaign is not None and campaign.state == CampaignState.DRAFT:
        campaign = None
    running = campaign is not None and phase_of(campaign, now) is CampaignPhase.RUNNING
    waits = campaign.head_start_until if campaign is not None and campaign.wish_group_id != wish.group_id else None
    if waits is not None and waits <= now:
        waits = None
    return OwnWish(
        id=wish.id,
        kind=wish.kind,
        series=series,
        city=wish.city,
        text=wish.text,
        state=wish.state,
        when=clock.say(wish.created_at),
        answer=group.answer if group is not None and wish.state == WishState.ANSWERED else "",
        href=page_of(campaign.slug, campaign.way) if campaign is not None and wish.state != WishState.DECLINED else "",
        title=campaign.title if campaign is not None else "",
        claimable=running and waits is None and wish.state != WishState.DECLINED,
        waits=waits if running and wish.state != WishState.DECLINED else None,
    )


def list_heaps() -> list[Heap]:
    """Open wishes, put together by what they ask for and for which model; texts of each, the oldest first."""
    rows = db.session.execute(
        select(Wish, Series.name)
        .outerjoin(Series, Series.id == Wish.series_id)
        .where(Wish.state == WishState.OPEN.value)
        .order_by(Wish.id)
        .limit(MOST)
    )
    heaps: dict[tuple[str, str], list[Wish]] = {}
    for wish, series in rows:
        heaps.setdefault((wish.kind, series or "不限车系"), []).append(wish)
    made = [
        Heap(
            kind,
            series,
            len({wish.member_id for wish in wishes}),
            [OpenWish(wish.id, wish.text, wish.city, clock.say(wish.created_at)) for wish in wishes],
        )
        for (kind, series), wishes in heaps.items()
    ]
    return sorted(made, key=lambda heap: (-heap.people, heap.kind, heap.series))


def list_groups() -> list[GroupRow]:
    """The groups, those without an answer first."""
    people = (
        select(Wish.group_id, func.count(Wish.member_id.distinct()).label("people"))
        .where(Wish.state.in_((WishState.GROUPED.value, WishState.ANSWERED.value)))
        .group_by(Wish.group_id)
        .subquery()
    )
    rows = db.session.execute(
        select(WishGroup, people.c.people, CouponCampaign)
        .outerjoin(people, people.c.group_id == WishGroup.id)
        .outerjoin(CouponCampaign, CouponCampaign.id == WishGroup.campaign_id)
        .order_by(WishGroup.answered_at.is_not(None), WishGroup.id.desc())
        .limit(MOST)
    )
    return [_group(group, people or 0, campaign) for group, people, campaign in rows]


def get_group(group_id: int) -> tuple[GroupRow, Sequence[OpenWish]]:
    """One group with its wishes, without who wrote them. NotFound."""
    row = next((group for group in list_groups() if group.id == group_id), None)
    if row is None:
        raise NotFound
    wishes = db.session.scalars(
        select(Wish)
        .where(Wish.group_id == group_id, Wish.state != WishState.WITHDRAWN.value)
        .order_by(Wish.id)
        .limit(MOST)
    )
    return row, [OpenWish(wish.id, wish.text, wish.city, clock.say(wish.created_at)) for wish in wishes]


def _group(group: WishGroup, people: int, campaign: CouponCampaign | None) -> GroupRow:
    until = campaign.head_start_until if campaign is not None else None
    return GroupRow(
        id=group.id,
        title=group.title,
        people=people,
        when=clock.say(group.created_at),
        answered=clock.say(group.answered_at) if group.answered_at else "",
        answer=group.answer,
        slug=campaign.slug if campaign is not None else "",
        campaign=campaign.title if campaign is not None else "",
        head_start=clock.say(until) if until is not None else "",
    )


def list_answers(now: datetime) -> list[tuple[str, str]]:
    """(slug, words) of campaigns that may still answer wishes: nobody could claim one yet, or none was claimed."""
    rows = db.session.scalars(
        select(CouponCampaign)
        .where(
            CouponCampaign.way.in_((ClaimWay.DIRECT.value, ClaimWay.WISH.value)),
            CouponCampaign.claimed == 0,
            CouponCampaign.wish_group_id.is_(None),
            CouponCampaign.withdrawn.is_(False),
            CouponCampaign.claim_until > now,
            CouponCampaign.state != CampaignState.ENDED.value,
            or_(
                CouponCampaign.way == ClaimWay.WISH.value,
                CouponCampaign.state == CampaignState.DRAFT.value,
                CouponCampaign.claim_from > now,
            ),
        )
        .order_by(CouponCampaign.claim_from, CouponCampaign.id)
        .limit(MOST)
    )
    draft = {CampaignState.DRAFT.value: "，未发布"}
    return [(row.slug, f"{row.title}（{clock.say(row.claim_from)}起{draft.get(row.state, '')}）") for row in rows]
