"""许愿, the other side: headquarters puts wishes together and answers them; who wished is told first."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update

from app.core import audit, publishing
from app.core.clock import say
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.coupons.errors import NotAnswerable
from app.coupons.models import CouponCampaign, Wish, WishGroup
from app.coupons.rules import CampaignPhase, CampaignState, ClaimWay, phase_of
from app.coupons.rules.wish import LEAST_HEAD_START, MOST_HEAD_START, WishState, clean, head_start_end, page_of
from app.messages.services import notify

BATCH = 100
LIVING = (CampaignPhase.DRAFT, CampaignPhase.UPCOMING, CampaignPhase.RUNNING, CampaignPhase.PAUSED)


def group_wishes(actor: Actor, wish_ids: Collection[int], now: datetime, *, title: str = "", group_id: int = 0) -> int:
    """Put open wishes into a new group, or into one that is not answered yet; its id. NotFound, NotAnswerable."""
    title = clean(title)[:60]
    if not wish_ids:
        raise NotAnswerable("请至少选择一个愿望。")
    with transaction() as session:
        group = session.get(WishGroup, group_id, with_for_update=True) if group_id else None
        if group_id and group is None:
            raise NotFound
        if group is not None and group.answered_at is not None:
            raise NotAnswerable("这一组已经回复，请新建一组。")
        if group is None:
            if not title:
                raise NotAnswerable("请填写这一组的名称。")
            group = WishGroup(title=title, created_at=now)
            session.add(group)
            session.flush()
        picked = update(Wish).where(Wish.id.in_(wish_ids), Wish.state == WishState.OPEN.value)
        moved = changed_rows(picked.values(group_id=group.id, state=WishState.GROUPED.value))
        if moved == 0:
            raise NotAnswerable("所选的愿望已被收回或处理，请刷新后再选。")
        audit.record(actor, "wishes_grouped", "wish_group", group.id, wishes=moved)
        return group.id


def decline_wishes(actor: Actor, wish_ids: Collection[int], reason: str, now: datetime) -> int:
    """Say no to open wishes, with a reason that the people read; how many. NotAnswerable."""
    reason = clean(reason)[:60]
    if len(reason) < 4:
        raise NotAnswerable("请写明不采纳的原因，至少 4 个字，许愿的人会看到。")
    declined = 0
    with transaction():
        for wish_id in sorted(set(wish_ids)):
            one = update(Wish).where(Wish.id == wish_id, Wish.state == WishState.OPEN.value)
            if changed_rows(one.values(state=WishState.DECLINED.value, told_at=now)) != 1:
                continue
            member_id = db.session.scalar(select(Wish.member_id).where(Wish.id == wish_id))
            words = {"car": "您的愿望未采纳", "note": reason}
            notify(member_id or 0, "wish_answered", f"wish_declined:{wish_id}", words, now, href="/me/wishes")
            declined += 1
        if not declined:
            raise NotAnswerable("所选的愿望已被收回或处理，请刷新后再选。")
        audit.record(actor, "wishes_declined", "wish", None, wishes=declined, reason=reason)
    return declined


def answer_group(
    actor: Actor, group_id: int, now: datetime, *, campaign_slug: str = "", hours: int = 24, words: str = ""
) -> None:
    """Answer a group once: by a campaign, which is then its wishers' alone for some hours, or in words.

    The campaign may be a draft; its wishers are told when it is published. NotFound, NotAnswerable.
    """
    words = clean(words)[:300]
    if not campaign_slug and len(words) < 4:
        raise NotAnswerable("请选择一个券活动，或用文字回复（至少 4 个字）。")
    with transaction() as session:
        campaign = _lock_campaign(campaign_slug, hours, now) if campaign_slug else None
        group = session.get(WishGroup, group_id, with_for_update=True)
        if group is None:
            raise NotFound
        if group.answered_at is not None:
            raise NotAnswerable("这一组已经回复过了。")
        if campaign is not None:
            until = head_start_end(campaign.claim_from, now, hours)
            if until >= campaign.claim_until and campaign.way != ClaimWay.WISH:
                raise NotAnswerable("优先时间比活动还长，请缩短优先时间。")
            campaign.wish_group_id, campaign.head_start_until = group.id, min(until, campaign.claim_until)
            group.campaign_id = campaign.id
        group.answer, group.answered_at = words, now
        publishing.bump()
        audit.record(actor, "wish_group_answered", "wish_group", group.id, campaign=campaign_slug, hours=hours)


def _lock_campaign(slug: str, hours: int, now: datetime) -> CouponCampaign:
    row = db.session.scalar(
        select(CouponCampaign)
        .where(CouponCampaign.slug == slug)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    if phase_of(row, now) not in LIVING:
        raise NotAnswerable("这个券活动已经结束或领完，请另选一个。")
    if row.wish_group_id is not None:
        raise NotAnswerable("这个券活动已经用来回复另一组愿望。")
    if row.claimed > 0:
        raise NotAnswerable("这个券活动已经有人领取，不能再让许愿的会员优先。")
    if row.way not in (ClaimWay.DIRECT, ClaimWay.WISH):
        raise NotAnswerable("回复愿望的券活动要能直接领取，或领取方式为许愿。")
    # What everybody may take already is not taken from them again.
    if row.way != ClaimWay.WISH and row.state != CampaignState.DRAFT and row.claim_from <= now:
        raise NotAnswerable("这个券活动已经开始领取，不能再让许愿的会员优先，请另选一个还没有开始的。")
    if not LEAST_HEAD_START <= hours <= MOST_HEAD_START:
        raise NotAnswerable(f"优先时间为 {LEAST_HEAD_START} 到 {MOST_HEAD_START} 小时。")
    return row


def tell_due(now: datetime) -> int:
    """Tell everybody whose group was answered; of a campaign that is still a draft once it is published."""
    told = 0
    while found := _list_due(now):
        with transaction():
            for wish_id, member_id, words, href in found:
                one = update(Wish).where(Wish.id == wish_id, Wish.state == WishState.GROUPED.value)
                if changed_rows(one.values(state=WishState.ANSWERED.value, told_at=now)) == 1:
                    notify(member_id, "wish_answered", f"wish:{wish_id}", words, now, href=href)
                    told += 1
    return told


def _list_due(now: datetime) -> list[tuple[int, int, dict[str, str], str]]:
    rows = db.session.execute(
        select(Wish.id, Wish.member_id, WishGroup, CouponCampaign)
        .join(WishGroup, WishGroup.id == Wish.group_id)
        .outerjoin(CouponCampaign, CouponCampaign.id == WishGroup.campaign_id)
        .where(
            Wish.state == WishState.GROUPED.value,
            WishGroup.answered_at.is_not(None),
            (CouponCampaign.id.is_(None)) | (CouponCampaign.state != CampaignState.DRAFT.value),
        )
        .order_by(Wish.id)
        .limit(BATCH)
    )
    found = [(wish_id, member_id, *_news(group, campaign, now)) for wish_id, member_id, group, campaign in rows]
    db.session.rollback()
    return found


def _news(group: WishGroup, campaign: CouponCampaign | None, now: datetime) -> tuple[dict[str, str], str]:
    """What is said, and where it leads."""
    if campaign is None:
        return {"car": f"您许的愿“{group.title[:20]}”", "note": group.answer[:60]}, "/me/wishes"
    begins = f"{say(campaign.claim_from)}起" if campaign.claim_from > now else "现在"
    only = campaign.head_start_until
    then = f"，{say(only)}起所有人可领" if only is not None and campaign.way != ClaimWay.WISH else ""
    note = f"“{campaign.title[:16]}”{begins}先为您开放{then}"
    return {"car": f"您许的愿“{group.title[:20]}”", "note": note}, page_of(campaign.slug, campaign.way)
