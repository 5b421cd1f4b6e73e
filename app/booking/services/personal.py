"""What a person may ask of their bookings: to be forgotten, or to follow them to another account."""

from datetime import datetime

from sqlalchemy import delete, func, select, update

from app.booking.models import Booking, BookingCase, BookingEvent, DealReminder, OnePriceDeal, QueuePlace
from app.booking.queries.queue import LIVING
from app.booking.rules import KEEPS_UNIT, BookingState
from app.booking.rules.cases import CaseKind, CaseState
from app.booking.services.change import lock_deal
from app.core.db import changed_rows, db, transaction
from app.members.errors import MergeRefused

RUNNING = KEEPS_UNIT - {BookingState.HANDED_OVER} | {BookingState.REFUNDING}
_UNDECIDED = select(BookingCase.booking_id).where(BookingCase.state == CaseState.OPEN)
KEEPS = (
    "已结束的预订单（车款、价格、门店和时间，不含姓名和手机号）保留到交易完成后三年，"
    "这是电子商务法对交易记录的要求，也用于售后和对账。您打过的星保留，不含文字和姓名。"
)


def blocks(member_id: int) -> list[str]:
    """Bookings that still run, or that headquarters still looks at, need a name and a number until that is over."""
    rows = db.session.execute(
        select(Booking.no, Booking.car_name).where(
            Booking.member_id == member_id, Booking.state.in_(RUNNING) | Booking.id.in_(_UNDECIDED)
        )
    )
    return [f"预订 {no}（{car}）还在进行，交车、取消或退款完成后结束。" for no, car in rows]


def erase_own(member_id: int, _now: datetime) -> None:
    """Take name, phone and words off every booking that is over; one that still runs needs them until it is.

    What was written about the person goes, too: the store's reason of a no-show.
    """
    with transaction():
        mine = (Booking.member_id == member_id, Booking.state.not_in(RUNNING), Booking.id.not_in(_UNDECIDED))
        asked = update(BookingCase).where(
            BookingCase.kind == CaseKind.DISPUTE, BookingCase.booking_id.in_(select(Booking.id).where(*mine))
        )
        changed_rows(asked.values(reason=""))
        written = update(BookingEvent).where(
            BookingEvent.kind == "no_show", BookingEvent.booking_id.in_(select(Booking.id).where(*mine))
        )
        changed_rows(written.values(note=""))
        nobody = {"contact_name": "", "contact_phone": "", "owner_name": "", "no_show_reason": ""}
        changed_rows(update(Booking).where(*mine).values(**nobody))


def hold_deals(from_id: int, to_id: int) -> None:
    """Lock every deal that either account books or waits in, in the order of their numbers.

    What a sweep, a payment or the queue does to one of their bookings or places happens before or after the merge,
    never between reading a row and giving it on: a place within the limit that was freed would come back to life.
    """
    ids = (from_id, to_id)
    booked = select(Booking.deal_id).where(Booking.member_id.in_(ids))
    waits = select(QueuePlace.deal_id).where(QueuePlace.member_id.in_(ids))
    for deal_id in sorted(db.session.scalars(booked.union(waits))):
        lock_deal(deal_id)


def reassign_own(from_id: int, to_id: int) -> None:
    """Give the bookings of one member to another: two accounts of one person become one.

    Where both hold a place within the same deal's limit, the one that comes gets a place beyond it: nothing is lost,
    and the person cannot book once more.
    """
    with transaction():
        rows = db.session.scalars(select(Booking).where(Booking.member_id.in_((from_id, to_id))).order_by(Booking.id))
        bookings = list(rows)
        taken = {(b.deal_id, b.slot) for b in bookings if b.member_id == to_id}
        keys = {b.idempotency_key for b in bookings if b.member_id == to_id}
        for booking in (b for b in bookings if b.member_id == from_id):
            slot = booking.slot
            while slot is not None and (booking.deal_id, slot) in taken:
                slot += 1
            taken.add((booking.deal_id, slot))
            values: dict[str, object] = {"member_id": to_id, "slot": slot}
            if booking.idempotency_key in keys:
                values["idempotency_key"] = f"merged-{booking.id}"
            changed_rows(update(Booking).where(Booking.id == booking.id).values(**values))


def reassign_places(from_id: int, to_id: int) -> None:
    """Give the places in queues to the other account, with their turn. Two places in one queue cannot become one:
    a unit may be kept with either of them, so the person gives one up first; so does whoever would wait for a unit
    that the bookings of both leave no room for. Of two wishes to be reminded of one deal one stays. MergeRefused.
    """
    with transaction():
        mine = select(QueuePlace.deal_id).where(QueuePlace.state.in_(LIVING))
        both = mine.where(
            QueuePlace.member_id == from_id, QueuePlace.deal_id.in_(mine.where(QueuePlace.member_id == to_id))
        )
        if db.session.scalar(both.limit(1)) is not None:
            raise MergeRefused("两个账号都在同一个一口价的候补中，请先退出其中一个再合并。")
        if _fills_the_limit((from_id, to_id)):
            raise MergeRefused("合并后在候补的一口价已达到每人限订台数，候补到的名额用不上，请先退出候补再合并。")
        changed_rows(update(QueuePlace).where(QueuePlace.member_id == from_id).values(member_id=to_id))
        double = select(DealReminder.deal_id).where(DealReminder.member_id == to_id)
        wish = DealReminder.member_id == from_id
        changed_rows(delete(DealReminder).where(wish, DealReminder.deal_id.in_(double)))
        changed_rows(update(DealReminder).where(wish).values(member_id=to_id))


def _fills_the_limit(member_ids: tuple[int, int]) -> bool:
    """Whether one of them waits where both together hold as many as one person may."""
    held = select(func.count()).where(
        Booking.deal_id == OnePriceDeal.id, Booking.member_id.in_(member_ids), Booking.slot.is_not(None)
    )
    waits = select(QueuePlace.id).where(
        QueuePlace.deal_id == OnePriceDeal.id, QueuePlace.member_id.in_(member_ids), QueuePlace.state.in_(LIVING)
    )
    full = select(OnePriceDeal.id).where(waits.exists(), held.scalar_subquery() >= OnePriceDeal.per_person)
    return db.session.scalar(full.limit(1)) is not None
