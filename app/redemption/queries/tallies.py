"""Today's figures of a store: what stands, what it was worth, what was refused and why."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.booking.queries import day_start
from app.core.db import db
from app.redemption.models import FailedScan, Redemption

REASONS = {
    "code_unreadable": "看不出是什么码",
    "payment_code": "付款码",
    "wechat_code": "微信的码",
    "foreign_code": "其他品牌或网站的码",
    "other_page": "本店的其他二维码",
    "code_unknown": "查无此码",
    "code_old": "过期的码或截图",
    "scan_own": "店员本人的券或预订",
    "scanned_at_another_store": "其他门店的预订",
    "scan_wrong_store": "其他门店的券",
    "already_handed_over": "已交车",
    "scan_used": "已使用的券",
    "not_redeemable": "预订状态不符",
    "scan_expired": "已过期的券",
    "scan_revoked": "已失效的券",
    "scan_not_yet": "未到可用时间的券",
    "scan_held": "已用于预订的券",
    "scan_online_only": "仅限线上的券",
    "ticket_stale": "核对页过期",
}


@dataclass(frozen=True, slots=True)
class Tallies:
    """What stands of today: redeemed in all, cars handed over, coupons, and what these were worth."""

    redeemed: int
    cars: int
    coupons: int
    amount_fen: int


def tally_today(dealer_id: int, now: datetime) -> Tallies:
    """Undone ones do not count."""
    rows = db.session.execute(
        select(Redemption.subject_kind, func.count(), func.coalesce(func.sum(Redemption.amount_fen), 0))
        .where(
            Redemption.dealer_id == dealer_id, Redemption.redeemed_at >= day_start(now), Redemption.undone_at.is_(None)
        )
        .group_by(Redemption.subject_kind)
    ).all()
    count = {kind: int(number) for kind, number, _worth in rows}
    worth = sum(int(amount) for _kind, _number, amount in rows)
    return Tallies(sum(count.values()), count.get("booking", 0), count.get("coupon", 0), worth)


def count_today(dealer_id: int, now: datetime) -> int:
    """How many redemptions of today stand."""
    return tally_today(dealer_id, now).redeemed


def list_failures_today(dealer_id: int, now: datetime) -> list[tuple[str, int]]:
    """Why scans were refused today and how often, the most frequent first."""
    rows = db.session.execute(
        select(FailedScan.reason, func.count())
        .where(FailedScan.dealer_id == dealer_id, FailedScan.at >= day_start(now))
        .group_by(FailedScan.reason)
        .order_by(func.count().desc(), FailedScan.reason)
    )
    return [(REASONS.get(reason, "其他"), int(number)) for reason, number in rows]
