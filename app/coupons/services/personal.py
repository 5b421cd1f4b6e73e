"""What a person may ask of their coupons: a copy, to be forgotten, to take them along to another account."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from app.core.clock import say
from app.core.db import changed_rows, db, transaction
from app.core.security import SYSTEM
from app.coupons.models import CampaignTerms, ClaimTry, Coupon, CouponCampaign, Draw, DrawEntry, GivingTarget, Wish
from app.coupons.rules import STATE_WORDS, CouponState, Terms
from app.coupons.rules.draws import EntryKind, EntryState
from app.coupons.services import draw_money
from app.coupons.services.state import revoke
from app.payments.models import Payment

ERASED = "账号已注销"
KEEPS = (
    "领过的券（活动、时间、核销门店和金额，不含姓名和手机号）保留到结算完成后三年，用于门店与总部对账；"
    "新会员券另留一个无法还原的标记，用来保证每人只领一次。夺券的编号和参与时间留在公开名单里，名单不含个人信息。"
)


def export_own(member_id: int) -> dict[str, object]:
    """Everything this room keeps about the person."""
    rows = db.session.execute(
        select(Coupon, CampaignTerms.rules)
        .join(CampaignTerms, CampaignTerms.id == Coupon.terms_id)
        .where(Coupon.member_id == member_id)
        .order_by(Coupon.id)
    )
    wishes = db.session.scalars(select(Wish).where(Wish.member_id == member_id).order_by(Wish.id))
    return {
        "coupons": [
            {
                "code": row.code,
                "title": Terms.from_json(rules).title,
                "way": row.way,
                "channel": row.channel,
                "claimed_at": row.claimed_at.isoformat(),
                "valid_until": row.valid_until.isoformat(),
                "state": STATE_WORDS[CouponState(row.state)],
                "redeemed_at": row.redeemed_at.isoformat() if row.redeemed_at else None,
            }
            for row, rules in rows
        ],
        "wishes": [{"text": row.text, "state": row.state, "created_at": row.created_at.isoformat()} for row in wishes],
        "draws": [
            {
                "ticket": row.ticket,
                "kind": row.kind,
                "state": row.state,
                "entered_at": row.entered_at.isoformat() if row.entered_at else None,
                "fee_returned_at": row.returned_at.isoformat() if row.returned_at else None,
            }
            for row in db.session.scalars(
                select(DrawEntry).where(DrawEntry.member_id == member_id).order_by(DrawEntry.id)
            )
        ],
        "tries": [
            {"kind": row.kind, "at": row.at.isoformat(), "won": row.won}
            for row in db.session.scalars(select(ClaimTry).where(ClaimTry.member_id == member_id).order_by(ClaimTry.id))
        ],
    }


def blocks(member_id: int) -> list[str]:
    """A coupon that a booking holds must come back, or be used, first; so must the yuan of a draw be asked back."""
    held = db.session.scalars(
        select(Coupon).where(Coupon.member_id == member_id, Coupon.state == CouponState.HELD.value)
    )
    paid = db.session.scalars(
        select(CouponCampaign.title)
        .join(Draw, Draw.campaign_id == CouponCampaign.id)
        .join(DrawEntry, DrawEntry.draw_id == Draw.id)
        .where(
            DrawEntry.member_id == member_id,
            DrawEntry.kind == EntryKind.PAID.value,
            DrawEntry.state == EntryState.ENTERED.value,
            DrawEntry.refund_at.is_(None),
        )
    )
    return [
        *(f"有一张券（{say(row.claimed_at)}领取）正用于一笔预订，预订结束后才能注销。" for row in held),
        *(f"夺券“{title}”的参与金还没有退回，参与结束并退回后才能注销。" for title in paid),
    ]


def erase_own(member_id: int, now: datetime) -> None:
    """What is unused is void; what was wished is taken back; addresses go. Used ones stay as rows without a person."""
    with transaction():
        unused = select(Coupon.id).where(Coupon.member_id == member_id, Coupon.state == CouponState.ISSUED.value)
        ids = list(db.session.scalars(unused.order_by(Coupon.id).with_for_update()))
        mine = update(Wish).where(Wish.member_id == member_id)
        changed_rows(mine.values(text="", city="", state="withdrawn"))
        changed_rows(update(ClaimTry).where(ClaimTry.member_id == member_id).values(address_digest=None))
        for coupon_id in ids:
            revoke(coupon_id, ERASED, SYSTEM, now)


def hold_own(from_id: int, to_id: int) -> None:
    """Lock what others may change of either account: draws, entries, their payments, coupons, wishes; each by number.

    A redemption, a notice, a draw or an answer is before or after the merge: it is never taken for what the merge did,
    and never undone with it.
    """
    mine = DrawEntry.member_id.in_((from_id, to_id))
    of_mine = select(DrawEntry.id).where(mine)
    paid = (Payment.payable_kind == draw_money.KIND) & Payment.payable_id.in_(of_mine)
    for table, which in (
        (Draw, Draw.id.in_(select(DrawEntry.draw_id).where(mine))),
        (DrawEntry, mine),
        (Payment, paid),
        (Coupon, Coupon.member_id.in_((from_id, to_id))),
        (Wish, Wish.member_id.in_((from_id, to_id))),
    ):
        db.session.execute(select(table.id).where(which).order_by(table.id).with_for_update()).all()


def reassign_own(from_id: int, to_id: int) -> None:
    """Give the coupons of one member to another: nothing is lost, and the person cannot claim once more.

    Where both have a place within the same limit, the one that comes gets a place beyond it.
    """
    with transaction():
        rows = list(
            db.session.scalars(select(Coupon).where(Coupon.member_id.in_((from_id, to_id))).order_by(Coupon.id))
        )
        own = [row for row in rows if row.member_id == to_id]
        places = {(row.campaign_id, row.slot) for row in own}
        days = {(row.campaign_id, row.claimed_on, row.day_slot) for row in own}
        keys = {row.claim_key for row in own}
        for row in (row for row in rows if row.member_id == from_id):
            slot, day_slot = row.slot, row.day_slot
            while slot is not None and (row.campaign_id, slot) in places:
                slot += 1
            while day_slot is not None and (row.campaign_id, row.claimed_on, day_slot) in days:
                day_slot += 1
            places.add((row.campaign_id, slot))
            days.add((row.campaign_id, row.claimed_on, day_slot))
            values: dict[str, object] = {"member_id": to_id, "slot": slot, "day_slot": day_slot}
            if row.claim_key in keys:
                values["claim_key"] = f"merged-{row.id}"
            changed_rows(update(Coupon).where(Coupon.id == row.id).values(**values))
        for table in (ClaimTry, Wish):
            changed_rows(update(table).where(table.member_id == from_id).values(member_id=to_id))
        _move_unless_there(GivingTarget, GivingTarget.run_id, from_id, to_id)
        _move_unless_there(DrawEntry, DrawEntry.draw_id, from_id, to_id)


def _move_unless_there(table: Any, of: Any, from_id: int, to_id: int) -> None:
    """One row for each person: where the other account has one too, this one stays where it is."""
    there = select(of).where(table.member_id == to_id)
    changed_rows(update(table).where(table.member_id == from_id, ~of.in_(there)).values(member_id=to_id))
