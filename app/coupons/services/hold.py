"""占用: coupons that lower a booking's price stay with it until it is over, and come back exactly once.

All of it joins the booking's transaction. Whoever changes a booking with coupons locks these first (`lock`), then deal
and booking: for taking and for freeing alike.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from app.core.db import changed_rows, db, forget
from app.core.security import Actor
from app.coupons.errors import CouponRefused
from app.coupons.models import CampaignTerms, Coupon, CouponCampaign
from app.coupons.rules import CouponState, Terms
from app.ledger.rules import LedgerEvent
from app.ledger.services import append


def lock(booking_id: int, coupon_ids: Collection[int] = ()) -> None:
    """Lock what the booking holds or used up, and these coupons besides, in the order of their numbers."""
    wanted = (Coupon.held_by == booking_id) | Coupon.id.in_(sorted(coupon_ids))
    db.session.execute(select(Coupon.id).where(wanted).order_by(Coupon.id).with_for_update())


def hold(offs: Mapping[int, int], booking_id: int, member_id: int, dealer_id: int, actor: Actor, now: datetime) -> None:
    """Give the booking these coupons of the member, each with the fen it takes off. CouponRefused: one is not free."""
    for coupon_id in sorted(offs):
        free = update(Coupon).where(
            Coupon.id == coupon_id,
            Coupon.member_id == member_id,
            Coupon.state == CouponState.ISSUED.value,
            Coupon.valid_from <= now,
            Coupon.valid_until > now,
        )
        held = {"state": CouponState.HELD.value, "held_by": booking_id, "held_fen": offs[coupon_id], "held_at": now}
        if changed_rows(free.values(state_at=now, **held)) != 1:
            raise CouponRefused
        forget(Coupon, coupon_id)
    for coupon_id in sorted(offs):
        _enter(coupon_id, LedgerEvent.HELD, offs[coupon_id], dealer_id, actor, now)


def release(booking_id: int, dealer_id: int, actor: Actor, now: datetime, only: Collection[int] | None = None) -> int:
    """Give back what the booking holds (`only` these of it), once; returns how many.

    The time a coupon was held is added to its validity.
    """
    held = [row for row in _of(booking_id, CouponState.HELD) if only is None or row[0] in only]
    for coupon_id, off, held_at, valid_until in held:
        until = valid_until + max(now - (held_at or now), timedelta())
        back = {"state": CouponState.ISSUED.value, "held_by": None, "held_fen": None, "held_at": None}
        _change(coupon_id, booking_id, CouponState.HELD, back | {"state_at": now, "valid_until": until})
        _enter(coupon_id, LedgerEvent.RELEASED, off or 0, dealer_id, actor, now)
    return len(held)


def spend(booking_id: int, dealer_id: int, actor: Actor, now: datetime) -> None:
    """Use up what the booking holds: the car was handed over."""
    for coupon_id, off, _held_at, _until in _of(booking_id, CouponState.HELD):
        used = {"state": CouponState.REDEEMED.value, "redeemed_at": now, "redeemed_dealer_id": dealer_id}
        _change(coupon_id, booking_id, CouponState.HELD, used | {"state_at": now, "redeemed_fen": off})
        _enter(coupon_id, LedgerEvent.REDEEMED, off or 0, dealer_id, actor, now)


def unspend(booking_id: int, dealer_id: int, actor: Actor, now: datetime) -> None:
    """The hand-over is undone: the booking holds them again."""
    for coupon_id, off, _held_at, _until in _of(booking_id, CouponState.REDEEMED):
        again = {"state": CouponState.HELD.value, "redeemed_at": None, "redeemed_dealer_id": None, "redeemed_fen": None}
        _change(coupon_id, booking_id, CouponState.REDEEMED, again | {"state_at": now})
        _enter(coupon_id, LedgerEvent.UNDONE, off or 0, dealer_id, actor, now)


def _of(booking_id: int, state: CouponState) -> list[tuple[int, int | None, datetime | None, datetime]]:
    rows = select(Coupon.id, Coupon.held_fen, Coupon.held_at, Coupon.valid_until)
    found = db.session.execute(
        rows.where(Coupon.held_by == booking_id, Coupon.state == state.value).order_by(Coupon.id)
    )
    return [(row[0], row[1], row[2], row[3]) for row in found]


def _change(coupon_id: int, booking_id: int, before: CouponState, values: dict[str, Any]) -> None:
    step = update(Coupon).where(Coupon.id == coupon_id, Coupon.held_by == booking_id, Coupon.state == before.value)
    if changed_rows(step.values(**values)) != 1:
        raise RuntimeError(f"coupon {coupon_id} changed under its lock")
    forget(Coupon, coupon_id)


def _enter(coupon_id: int, event: LedgerEvent, off: int, dealer_id: int, actor: Actor, now: datetime) -> None:
    named = (
        select(CouponCampaign.slug, CampaignTerms.rules)
        .join(Coupon, Coupon.campaign_id == CouponCampaign.id)
        .join(CampaignTerms, CampaignTerms.id == Coupon.terms_id)
        .where(Coupon.id == coupon_id)
    )
    slug, rules = db.session.execute(named).one()
    append(
        actor,
        event,
        "coupon",
        coupon_id,
        now,
        dealer_id=dealer_id,
        campaign=slug,
        amount_fen=off,
        dealer_permille=Terms.from_json(rules).share_permille,
    )
