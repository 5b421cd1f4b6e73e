"""到期提醒: told once, some days before the end, at an hour when people are awake."""

from datetime import datetime, timedelta

from sqlalchemy import literal, select, update

from app.core.clock import local
from app.core.db import changed_rows, db, transaction
from app.coupons.models import CampaignTerms, Coupon
from app.coupons.rules import CouponState, Terms
from app.coupons.rules.plain import last_day, soon_words
from app.messages.services import notify

LEAD, FRESH = timedelta(days=3), timedelta(hours=12)
AWAKE = range(9, 21)
BATCH = 100


def remind_due(now: datetime) -> int:
    """Tell everybody whose coupon ends within three days; who got it a moment ago knows."""
    if local(now).hour not in AWAKE:
        return 0
    told = 0
    while rows := _list_due(now):
        with transaction():
            for coupon_id, member_id, code, until, rules in rows:
                told += _tell(coupon_id, member_id, code, until, Terms.from_json(rules), now)
    return told


def _list_due(now: datetime) -> list[tuple[int, int, str, datetime, dict[str, object]]]:
    due = (
        select(Coupon.id, Coupon.member_id, Coupon.code, Coupon.valid_until, CampaignTerms.rules)
        .join(CampaignTerms, CampaignTerms.id == Coupon.terms_id)
        .where(
            Coupon.state == literal(CouponState.ISSUED.value, literal_execute=True),  # the index holds these alone
            Coupon.reminded_at.is_(None),
            Coupon.valid_until > now,
            Coupon.valid_until <= now + LEAD,
            Coupon.claimed_at <= now - FRESH,
        )
        .order_by(Coupon.id)
        .limit(BATCH)
    )
    rows = [tuple(row) for row in db.session.execute(due)]
    db.session.rollback()
    return rows  # pyright: ignore[reportReturnType]


def _tell(coupon_id: int, member_id: int, code: str, until: datetime, terms: Terms, now: datetime) -> int:
    mine = update(Coupon).where(
        Coupon.id == coupon_id, Coupon.state == CouponState.ISSUED.value, Coupon.reminded_at.is_(None)
    )
    if changed_rows(mine.values(reminded_at=now)) != 1:
        return 0  # used meanwhile, or another worker was faster
    note = f"{soon_words(until, now) or '即将到期'}，有效期到{last_day(until)}"
    words = {"car": f"{terms.title} {terms.value_words()}", "note": note}
    return int(notify(member_id, "coupon_ends", f"coupon_ends:{coupon_id}", words, now, href=f"/me/coupons/{code}"))
