"""夺券, afterwards: every prize into its winner's wallet, and everybody told what came out."""

from datetime import datetime

import structlog
from sqlalchemy import select, update

from app.core import audit
from app.core.audit import AuditEntry
from app.core.db import changed_rows, db, forget, retry_deadlock, transaction
from app.core.errors import DomainError
from app.core.security import SYSTEM
from app.coupons.errors import DayLimit, PersonLimit
from app.coupons.models import CouponCampaign, Draw, DrawEntry
from app.coupons.rules import ClaimWay
from app.coupons.rules.draws import DrawState, EntryState
from app.coupons.services.claim import claim_coupon
from app.members.errors import AccountGone
from app.members.services.heirs import hold_heir, living_account
from app.messages.services import notify

# What no waiting mends: the person has as many as one may have. All other refusals stay due.
KEPT = (PersonLimit, DayLimit)
BATCH = 200
log = structlog.get_logger(__name__)


def hand_out(now: datetime) -> int:
    """Put every prize into its winner's wallet; each once, whatever happens in between.

    What is refused for a reason that may pass (a campaign cut down, an error) is tried again the next time.
    """
    due = (
        select(DrawEntry.id)
        .join(Draw, Draw.id == DrawEntry.draw_id)
        .where(Draw.state == DrawState.DRAWN.value, DrawEntry.rank.is_not(None), DrawEntry.coupon_id.is_(None))
        .where(DrawEntry.told_at.is_(None))
        .order_by(DrawEntry.id)
        .limit(BATCH)
    )
    given = last = 0
    while found := list(db.session.scalars(due.where(DrawEntry.id > last))):
        db.session.rollback()
        for entry_id in found:
            given += _hand_out(entry_id, now)
        last = found[-1]
    db.session.rollback()
    return given


def tell_results(now: datetime) -> int:
    """Tell everybody who took part and has not heard: who won nothing, and everybody when a draw is cancelled."""
    due = (
        select(DrawEntry.id, DrawEntry.member_id, Draw.state, Draw.void_reason, CouponCampaign.slug)
        .join(Draw, Draw.id == DrawEntry.draw_id)
        .join(CouponCampaign, CouponCampaign.id == Draw.campaign_id)
        .where(Draw.state.in_((DrawState.DRAWN.value, DrawState.VOID.value)), DrawEntry.told_at.is_(None))
        .where(DrawEntry.state == EntryState.ENTERED.value)
        .where((DrawEntry.rank.is_(None)) | (Draw.state == DrawState.VOID.value))
        .order_by(DrawEntry.id)
        .limit(BATCH)
    )
    told = 0
    rows = db.session.execute(due).all()
    db.session.rollback()
    for entry_id, member_id, state, reason, slug in rows:
        void_ = state == DrawState.VOID
        note = f"已取消：{reason[:40]}" if void_ else "没有抽中，结果可在活动页重新计算核对"
        with transaction():
            heir = living_account(member_id)
            mine = update(DrawEntry).where(DrawEntry.id == entry_id, DrawEntry.told_at.is_(None))
            if changed_rows(mine.values(told_at=now)) == 1 and heir is not None:
                words = {"car": "您参与的夺券", "note": note}
                notify(heir, "draw_result", f"draw:{entry_id}", words, now, href=f"/coupons/{slug}/draw")
                told += 1
    return told


def _hand_out(entry_id: int, now: datetime) -> int:
    try:
        return _give_prize(entry_id, now)
    except AccountGone:
        _settle_prize(entry_id, AccountGone.code, now)  # erased: nobody is left to be told
    except KEPT as refusal:
        _settle_prize(entry_id, refusal.code, now, tell=True)
    except DomainError as refusal:
        log.warning("draw_prize_waits", entry=entry_id, reason=refusal.code)
        with transaction():
            if not _said(entry_id, refusal.code):
                audit.record(SYSTEM, "draw_prize_waits", "draw_entry", entry_id, reason=refusal.code)
    return 0


@retry_deadlock
def _give_prize(entry_id: int, now: datetime) -> int:
    """One winner's coupon and the news of it, all or nothing; 0 when another process was faster."""
    with transaction():
        heir = hold_heir(_member_of(entry_id))
        while (other := hold_heir(_member_of(entry_id))) != heir:  # a merge was undone between the two
            heir = other
        # Locks the entry before campaign and ledger, and says whether it is still due.
        due = update(DrawEntry).where(DrawEntry.id == entry_id, DrawEntry.told_at.is_(None))
        if changed_rows(due.values(told_at=now)) != 1:
            return 0
        place, slug = db.session.execute(
            select(DrawEntry.rank, CouponCampaign.slug)
            .join(Draw, Draw.id == DrawEntry.draw_id)
            .join(CouponCampaign, CouponCampaign.id == Draw.campaign_id)
            .where(DrawEntry.id == entry_id)
        ).one()
        claimed = claim_coupon(SYSTEM, slug, now, key=f"draw:{entry_id}", way=ClaimWay.DRAW, member_id=heir, prize=True)
        words = {"car": "您参与的夺券", "note": f"抽中了第 {place} 位，券已放进您的卡券"}
        notify(heir, "draw_result", f"draw:{entry_id}", words, now, href=f"/me/coupons/{claimed.code}")
        changed_rows(update(DrawEntry).where(DrawEntry.id == entry_id).values(coupon_id=claimed.coupon_id))
        forget(DrawEntry, entry_id)
        return 1


def _settle_prize(entry_id: int, reason: str, now: datetime, *, tell: bool = False) -> None:
    """The result stands, and nothing is handed out for it, for good; the person reads why."""
    with transaction():
        heir = living_account(_member_of(entry_id)) if tell else None
        due = update(DrawEntry).where(DrawEntry.id == entry_id, DrawEntry.told_at.is_(None))
        if changed_rows(due.values(told_at=now)) != 1:
            return
        audit.record(SYSTEM, "draw_prize_kept", "draw_entry", entry_id, reason=reason)
        if heir is not None:
            words = {"car": "您参与的夺券", "note": "抽中了，但您已领到本活动每人可领的张数，不再另发"}
            notify(heir, "draw_result", f"draw:{entry_id}", words, now, href="/me/coupons")
        forget(DrawEntry, entry_id)


def _said(entry_id: int, reason: str) -> bool:
    """Whether the trail holds already why this prize waits: it is tried every few seconds."""
    found = db.session.scalars(
        select(AuditEntry.detail).where(
            AuditEntry.subject_kind == "draw_entry",
            AuditEntry.subject_id == entry_id,
            AuditEntry.action == "draw_prize_waits",
        )
    )
    return any(detail.get("reason") == reason for detail in found)


def _member_of(entry_id: int) -> int:
    return db.session.execute(select(DrawEntry.member_id).where(DrawEntry.id == entry_id)).scalar_one()
