"""Where a campaign stands, what a coupon of it promises, and until when it is good. Pure: the time is a parameter."""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Protocol

from app.core.clock import from_local, local
from app.coupons.rules.terms import Terms
from app.coupons.rules.words import CampaignState, Channel


class CampaignPhase(StrEnum):
    DRAFT = "draft"
    UPCOMING = "upcoming"
    RUNNING = "running"
    EXHAUSTED = "exhausted"
    PAUSED = "paused"
    ENDED = "ended"


CAMPAIGN_PHASE_WORDS = {
    CampaignPhase.DRAFT: "未发布",
    CampaignPhase.UPCOMING: "即将开始",
    CampaignPhase.RUNNING: "可领",
    CampaignPhase.EXHAUSTED: "已抢光",
    CampaignPhase.PAUSED: "暂停领取",
    CampaignPhase.ENDED: "已结束",
}
SHOWN_PHASES = frozenset({CampaignPhase.UPCOMING, CampaignPhase.RUNNING, CampaignPhase.EXHAUSTED, CampaignPhase.PAUSED})


class HasPhase(Protocol):
    """What the phase follows from; a row of the table or what was read of one."""

    @property
    def state(self) -> Any: ...
    @property
    def withdrawn(self) -> Any: ...
    @property
    def claim_from(self) -> Any: ...
    @property
    def claim_until(self) -> Any: ...
    @property
    def claimed(self) -> Any: ...
    @property
    def total(self) -> Any: ...
    @property
    def valid_until(self) -> Any: ...


def phase_of(campaign: HasPhase, now: datetime) -> CampaignPhase:
    """Where a campaign stands; windows are half-open. One whose coupons would be over already has ended."""
    if campaign.state == CampaignState.DRAFT:
        return CampaignPhase.DRAFT
    if campaign.withdrawn or campaign.state == CampaignState.ENDED or now >= campaign.claim_until:
        return CampaignPhase.ENDED
    if campaign.valid_until is not None and now >= campaign.valid_until:
        return CampaignPhase.ENDED
    if campaign.state == CampaignState.PAUSED:
        return CampaignPhase.PAUSED
    if now < campaign.claim_from:
        return CampaignPhase.UPCOMING
    return CampaignPhase.RUNNING if campaign.claimed < campaign.total else CampaignPhase.EXHAUSTED


def validity_end(valid_until: datetime | None, valid_days: int | None, now: datetime) -> datetime | None:
    """Until when a coupon claimed now is good (exclusive); None: the campaign names no end, so nothing can be claimed.

    领取后30天: to the end of the thirtieth day after that of claiming, in Shanghai. With both, the earlier.
    """
    ends = [valid_until] if valid_until is not None else []
    if valid_days is not None:
        last = local(now).date() + timedelta(days=valid_days)
        ends.append(from_local(datetime.combine(last + timedelta(days=1), time())))
    return min(ends, default=None)


def terms_of(campaign: Any, series_ids: Collection[int], dealer_ids: Collection[int]) -> Terms:
    """What a coupon of this campaign promises as it stands. No series: every one; dealers count when not all do."""
    return Terms(
        kind=campaign.kind,
        title=campaign.title,
        face_fen=campaign.face_fen,
        discount_permille=campaign.discount_permille,
        most_fen=campaign.most_fen,
        threshold_fen=campaign.threshold_fen,
        worth_fen=campaign.worth_fen or 0,
        usage=campaign.usage,
        scope=campaign.scope,
        series=tuple(sorted(series_ids)) or None,
        dealers=None if campaign.all_dealers else tuple(sorted(dealer_ids)),
        stackable=campaign.stackable,
        group=campaign.stack_group,
        alone=campaign.alone,
        priority=campaign.priority,
        payer=campaign.payer,
        dealer_permille=campaign.dealer_permille,
        text=campaign.terms,
    )


def free_slot(taken: Collection[int], limit: int) -> int | None:
    """The first free place of a person within a limit, or None when it is used up.

    A place beyond the limit (two accounts became one, or the limit was lowered) counts like any other.
    """
    if len(taken) >= limit:
        return None
    return next((slot for slot in range(1, limit + 1) if slot not in taken), None)


def channel_allowed(channels: str, channel: str) -> bool:
    """Whether a campaign is open to a channel; `channel` may carry what follows a colon (the code of a poster)."""
    allowed = {part.strip() for part in channels.split("；") if part.strip()}
    return not allowed or (channel or Channel.PAGE).partition(":")[0] in allowed
