"""Pausing a deal: at once for everybody, with a reason that shoppers read; and letting it run again."""

from datetime import datetime

from sqlalchemy import select

from app.booking.errors import ReasonNeeded
from app.booking.models import OnePriceDeal
from app.booking.services import queue
from app.booking.services.change import lock_deal
from app.core import audit, publishing
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor

MIN_REASON, MAX_REASON = 4, 120


@retry_deadlock
def pause_deal(actor: Actor, slug: str, reason: str, now: datetime) -> bool:
    """Refuse every booking from this commit on and offer nothing; what was booked stays booked.

    Holds go on and may be paid. False when it was paused already: the first reason stays. NotFound, ReasonNeeded.
    """
    reason = " ".join(reason.split())[:MAX_REASON]
    if len(reason) < MIN_REASON:
        raise ReasonNeeded("请写明暂停原因，至少 4 个字，顾客会看到。")
    with transaction():
        deal = _lock(actor, slug)
        if deal.paused_at is not None:
            return False
        deal.paused_at, deal.paused_reason = now, reason
        db.session.flush()
        audit.record(actor, "deal_paused", "deal", deal.id, reason=reason)
        publishing.bump()
        return True


@retry_deadlock
def resume_deal(actor: Actor, slug: str, now: datetime) -> bool:
    """Let a paused deal run again: offers get the paused time back, then the queue is served. False when it ran.

    NotFound.
    """
    with transaction():
        deal = _lock(actor, slug)
        deal_id, paused_at = deal.id, deal.paused_at
        if paused_at is None:
            return False
        seconds = int((now - paused_at).total_seconds())
        deal.paused_at, deal.paused_reason = None, ""
        db.session.flush()
        served = queue.resume(deal_id, paused_at, now)
        audit.record(actor, "deal_resumed", "deal", deal_id, paused_seconds=seconds, offered=served)
        publishing.bump()
        return True


def _lock(actor: Actor, slug: str) -> OnePriceDeal:
    if actor.kind != "operator":
        raise NotAllowed
    deal_id = db.session.scalar(select(OnePriceDeal.id).where(OnePriceDeal.slug == slug))
    if deal_id is None:
        raise NotFound("没有找到这个一口价。")
    return lock_deal(deal_id)
