"""The bookings of one store as its staff read them: today's list, one booking, how much waits."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload, selectinload

from app.booking.models import Booking, BookingCase, BookingEvent
from app.booking.queries.altering import list_change_tags
from app.booking.queries.bookings import Step, day_start
from app.booking.rules import BAD_EVENTS, EVENT_WORDS, PICK_UP, BookingState, state_words
from app.booking.rules.cases import CaseKind, CaseState
from app.booking.rules.promises import may_contact, no_show_from
from app.core.clock import say
from app.core.db import db, phone_tail
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.coupons.queries.candidates import BookingCoupon, list_of_booking
from app.members.models import Consent
from app.members.rules import mask_name, mask_phone

LIMIT = 200
SOON = timedelta(hours=4)  # a promise that ends so soon is pressing
_S = BookingState
CONFIRM, TODAY, READY, WAITING, DONE = "confirm", "today", "ready", "waiting", "done"
GROUPS = {CONFIRM: "待确认", TODAY: "今天到店", READY: "车已备好", WAITING: "待备车", DONE: "今天的变化"}
ACTORS = {"member": "客户", "staff": "门店", "operator": "总部", "system": "系统"}


@dataclass(frozen=True, slots=True)
class StoreRow:
    """One booking in the list: masked, with what is to do and by when."""

    no: str
    who: str
    phone: str
    car: str
    words: str
    due: str
    pressing: bool
    marks: list[str]


@dataclass(slots=True)
class StoreGroup:
    """A part of the list with its heading."""

    key: str
    title: str
    rows: list[StoreRow] = field(default_factory=list[StoreRow])


@dataclass(frozen=True, slots=True)
class StoreBooking:
    """One booking as the store's page says it. Name and number are masked; who opens them is recorded."""

    booking: Booking
    who: str
    phone: str
    words: str
    due: str
    pressing: bool
    balance: str
    balance_payable: bool
    late: bool
    no_show_from: str
    may_no_show: bool
    steps: list[Step]
    may_contact: bool = True
    owed_fen: int = 0  # the balance that this store took and still has to give back
    coupons: list[BookingCoupon] = field(default_factory=list[BookingCoupon])


def list_store(dealer_id: int, now: datetime, tail: str = "") -> list[StoreGroup]:
    """Everything that waits in this store, what presses first: to confirm, coming today, ready, to prepare, done."""
    today = day_start(now)
    wanted: list[ColumnElement[bool]] = [
        Booking.dealer_id == dealer_id,
        Booking.state.in_(PICK_UP)
        | (Booking.state.in_((_S.HANDED_OVER, _S.REFUNDING, _S.REFUNDED, _S.FORFEITED)) & (Booking.state_at >= today)),
    ]
    if tail:
        wanted.append(phone_tail(Booking.contact_phone) == tail)
    order = func.coalesce(Booking.confirm_by, Booking.state_at)
    rows = db.session.scalars(select(Booking).where(*wanted).order_by(order, Booking.id).limit(LIMIT)).all()
    groups = {key: StoreGroup(key, title) for key, title in GROUPS.items()}
    changed = list_change_tags([booking.id for booking in rows], now)
    for booking in sorted(rows, key=lambda b: _moment(b) or b.state_at):
        row = _row(booking, now)
        groups[_group(booking, today)].rows.append(replace(row, marks=[*changed.get(booking.id, []), *row.marks]))
    return [group for group in groups.values() if group.rows or group.key == CONFIRM]


def count_waiting(dealer_id: int) -> int:
    """How many customers of this store wait for their car."""
    wanted = select(func.count()).where(Booking.dealer_id == dealer_id, Booking.state.in_(PICK_UP))
    return db.session.scalar(wanted) or 0


def get_store_booking(no: str, dealer_id: int, now: datetime) -> StoreBooking:
    """What the page of one booking says; another store's is NotFound."""
    booking = db.session.scalar(
        select(Booking)
        .options(joinedload(Booking.dealer), joinedload(Booking.deal), selectinload(Booking.events))
        .where(Booking.no == no, Booking.dealer_id == dealer_id, Booking.state.not_in((_S.HELD, _S.EXPIRED)))
        .execution_options(populate_existing=True)
    )
    if booking is None:
        raise NotFound
    since = no_show_from(booking.appointment_at, booking.ready_at)
    waiting = booking.state in (_S.CONFIRMED, _S.CAR_READY) and booking.no_show_at is None
    answered = booking.proposed_by != "member"
    due = _due(booking)
    early = booking.balance_from is not None and now < booking.balance_from
    return StoreBooking(
        booking=booking,
        who=mask_name(booking.contact_name),
        phone=mask_phone(booking.contact_phone),
        words=state_words(booking.state, booking.earnest_kind),
        due=_due_words(booking, now),
        pressing=due is not None and due - now < SOON,
        balance=balance_words(booking),
        balance_payable=booking.state in PICK_UP and booking.balance_open and not early,
        late=due is not None and now >= due,
        no_show_from=say(since) if since else "",
        may_no_show=waiting and answered and since is not None and now >= since,
        may_contact=may_contact(booking.state, booking.state_at, now) and not took_back_sharing(booking),
        owed_fen=booking.balance_fen if _owes(booking.id) else 0,
        steps=[_step(event, booking.earnest_kind) for event in reversed(booking.events)],
        coupons=list_of_booking(booking.id) if booking.coupon_fen else [],
    )


def took_back_sharing(booking: Booking) -> bool:
    """Whether the customer took back that this store may have name and number for this booking."""
    given = select(Consent.id).where(
        Consent.member_id == booking.member_id,
        Consent.purpose == "share_with_dealer",
        Consent.subject == booking.dealer.slug,
        Consent.reference == booking.no,
    )
    standing, ever = given.where(Consent.withdrawn_at.is_(None)), given.where(Consent.withdrawn_at.is_not(None))
    return db.session.scalar(standing.limit(1)) is None and db.session.scalar(ever.limit(1)) is not None


def balance_words(booking: Booking) -> str:
    """How the rest of the price stands, in one line."""
    if booking.balance_fen <= 0:
        return "没有余款"
    amount = format_yuan(booking.balance_fen)
    if booking.balance_paid_at is None:
        return f"{amount} 待收"
    how = f"到店支付，单据号 {booking.balance_document}" if booking.balance_channel == "store" else "在线支付"
    return f"{amount} 已付（{how}）"


def _owes(booking_id: int) -> bool:
    wanted = select(BookingCase.id).where(
        BookingCase.booking_id == booking_id,
        BookingCase.kind == CaseKind.STORE_RETURN,
        BookingCase.state == CaseState.OPEN,
    )
    return db.session.scalar(wanted) is not None


def _group(booking: Booking, today: datetime) -> str:
    if booking.state not in PICK_UP:
        return DONE
    if booking.state == _S.DEPOSIT_PAID:
        return CONFIRM
    at = booking.appointment_at
    if at is not None and today <= at < today + timedelta(days=1):
        return TODAY
    return READY if booking.state == _S.CAR_READY else WAITING


def _row(booking: Booking, now: datetime) -> StoreRow:
    due = _due(booking)
    return StoreRow(
        no=booking.no,
        who=mask_name(booking.contact_name),
        phone=mask_phone(booking.contact_phone),
        car=f"{booking.car_name} {booking.colour}".strip(),
        words=state_words(booking.state, booking.earnest_kind),
        due=_due_words(booking, now),
        pressing=due is not None and due - now < SOON,
        marks=_marks(booking),
    )


def _marks(booking: Booking) -> list[str]:
    if booking.state not in PICK_UP:
        return []
    marks: list[str] = []
    if booking.proposed_at is not None:
        side = "客户想约" if booking.proposed_by == "member" else "已提议，等客户答复"
        marks.append(f"{side} {say(booking.proposed_at)}")
    if booking.no_show_at is not None:
        marks.append("未到店")
    if booking.state != _S.DEPOSIT_PAID and booking.balance_open:
        marks.append("余款未付")
    if booking.state == _S.CONFIRMED and booking.vin is None:
        marks.append("未分配车辆")
    return marks


def _due(booking: Booking) -> datetime | None:
    """The dealer's next promise, while it can still be kept or broken."""
    return {_S.DEPOSIT_PAID: booking.confirm_by, _S.CONFIRMED: booking.ready_by}.get(_S(booking.state))


def _moment(booking: Booking) -> datetime | None:
    return _due(booking) if booking.state == _S.DEPOSIT_PAID else booking.appointment_at or _due(booking)


def _due_words(booking: Booking, now: datetime) -> str:
    due = _due(booking)
    if due is not None and now >= due:
        return "已超过承诺时间，正在退款"
    if booking.state == _S.DEPOSIT_PAID:
        return f"请在{say(due)}前确认（还剩 {_left(due - now)}）" if due else "请尽快确认"
    if booking.state not in PICK_UP:
        return say(booking.state_at)
    if booking.appointment_at is not None:
        return f"约定{say(booking.appointment_at)}到店"
    return f"请在{say(due)}前备好车" if due else "还没有约定到店时间"


def _left(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes >= 48 * 60:
        return f"{minutes // 1440} 天"
    return f"{minutes // 60} 小时 {minutes % 60} 分" if minutes >= 60 else f"{minutes} 分钟"


def _step(event: BookingEvent, kind: str) -> Step:
    title = EVENT_WORDS.get(event.kind, event.kind).replace("订金", kind)
    by = ACTORS.get(event.actor_kind, "")
    return Step(
        title,
        "bad" if event.kind in BAD_EVENTS else "done",
        f"{say(event.at)} · {by}" if by else say(event.at),
        event.note,
    )
