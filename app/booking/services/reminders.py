"""提醒: what a person asked to be told of before it happens, and the question how the car is; each told once."""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.booking import queries
from app.booking.errors import AlreadyStarted
from app.booking.models import Booking, DealReminder, OnePriceDeal
from app.booking.rules import BookingState
from app.core.clock import say
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.members import services as member_services
from app.messages.services import notify
from app.reviews.models import Review

LEAD = timedelta(minutes=10)  # before the start
LATE = timedelta(minutes=30)  # a worker that was dead tells it this long after the start, then no more
REVIEW_AFTER, REVIEW_UNTIL = timedelta(days=1), timedelta(days=4)
BATCH = 100


def remind(actor: Actor, slug: str, now: datetime) -> None:
    """Ask to be told ten minutes before the deal starts; twice is as good as once. NotFound, AlreadyStarted."""
    deal, member_id = _deal(actor, slug)
    if now >= deal.starts_at or deal.withdrawn:
        raise AlreadyStarted
    deal_id = deal.id
    with transaction() as session:
        member_services.hold_member(member_id)
        known = session.get(DealReminder, (deal_id, member_id), with_for_update=True)
        if known is None:
            try:
                with session.begin_nested():
                    session.add(DealReminder(deal_id=deal_id, member_id=member_id, created_at=now))
            except IntegrityError:
                return  # the other tap of a double tap


def forget(actor: Actor, slug: str) -> None:
    """Not to be told any more. NotFound."""
    deal, member_id = _deal(actor, slug)
    own = delete(DealReminder).where(DealReminder.deal_id == deal.id, DealReminder.member_id == member_id)
    with transaction():
        changed_rows(own.where(DealReminder.sent_at.is_(None)))


def is_set(slug: str, member_id: int) -> bool:
    """Whether this member asked to be told of this deal."""
    mine = select(DealReminder.deal_id).join(OnePriceDeal, OnePriceDeal.id == DealReminder.deal_id)
    return db.session.scalar(mine.where(OnePriceDeal.slug == slug, DealReminder.member_id == member_id)) is not None


def send_due(now: datetime) -> int:
    """Tell everybody whose deal starts within ten minutes. A paused one is told when it goes on, if that is not late;
    one that was withdrawn is closed without a word."""
    sent = 0
    while rows := _list_due(now):
        with transaction():
            for deal_id, member_id in rows:
                sent += _send(db.session.get_one(OnePriceDeal, deal_id), member_id, now)
    return sent


def _list_due(now: datetime) -> list[tuple[int, int]]:
    due = (
        select(DealReminder.deal_id, DealReminder.member_id)
        .join(OnePriceDeal, OnePriceDeal.id == DealReminder.deal_id)
        .where(DealReminder.sent_at.is_(None), OnePriceDeal.starts_at <= now + LEAD)
        .where(or_(OnePriceDeal.paused_at.is_(None), OnePriceDeal.starts_at <= now - LATE))
        .order_by(DealReminder.created_at)
        .limit(BATCH)
    )
    rows = [(deal_id, member_id) for deal_id, member_id in db.session.execute(due)]
    db.session.rollback()
    return rows


def _send(deal: OnePriceDeal, member_id: int, now: datetime) -> int:
    mine = update(DealReminder).where(DealReminder.deal_id == deal.id, DealReminder.member_id == member_id)
    if changed_rows(mine.where(DealReminder.sent_at.is_(None)).values(sent_at=now)) != 1:
        return 0  # another worker was faster
    if deal.withdrawn or deal.paused_at is not None or now >= deal.starts_at + LATE:
        return 0
    words = {
        "car": queries.car_name(deal.trim),
        "note": f"{say(deal.starts_at)}开始，共 {deal.units_total} 台，先订先得",
    }
    key = f"deal_starts:{deal.id}:{member_id}"
    return int(notify(member_id, "deal_starts", key, words, now, href=f"/deals/{deal.slug}"))


def ask_reviews(now: datetime) -> int:
    """Ask once, a day after the hand-over, how the car and the dealer are; who has said it already is not asked."""
    said = select(Review.id).where(Review.subject_kind == "booking", Review.subject_id == Booking.id).exists()
    rows = db.session.execute(
        select(Booking.id, Booking.no, Booking.member_id, Booking.car_name).where(
            Booking.state == BookingState.HANDED_OVER,
            Booking.state_at <= now - REVIEW_AFTER,
            Booking.state_at > now - REVIEW_UNTIL,
            ~said,
        )
    ).all()
    db.session.rollback()
    asked = 0
    for booking_id, no, member_id, car in rows:
        words = {"car": car, "note": "欢迎为车和门店各打几颗星，其他车主会看到"}
        key = f"review_asked:{booking_id}"
        asked += notify(member_id, "review_asked", key, words, now, href=f"/bookings/{no}/review")
    return asked


def _deal(actor: Actor, slug: str) -> tuple[OnePriceDeal, int]:
    deal = queries.find_deal(slug)
    if actor.kind != "member" or actor.id is None or deal is None:
        raise NotFound
    return deal, actor.id
