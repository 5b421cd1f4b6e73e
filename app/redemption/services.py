"""At the counter: preview says who, what and whether; confirm hands over once; undo takes it back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from app.booking import queries as bookings
from app.booking.models import Booking
from app.booking.queries.store import balance_words
from app.booking.rules import PICK_UP, BookingState, mask_name, refundable, state_words
from app.booking.services import hand_over as hand_overs
from app.core import audit, ids
from app.core.audit import AuditEntry
from app.core.clock import say
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.money import format_yuan
from app.core.security import (
    STEP_SECONDS,
    Actor,
    check_living_digits,
    check_living_token,
    constant_time_equal,
    fingerprint,
)
from app.members.rules import mask_phone
from app.redemption import queries
from app.redemption.errors import (
    AlreadyHandedOver,
    CannotUndo,
    NotRedeemable,
    OldCode,
    ReasonMissing,
    Refused,
    TicketStale,
    TooManyTries,
    UnknownCode,
    Unreadable,
    WrongStoreScan,
)
from app.redemption.models import Redemption
from app.redemption.rules import (
    BOOKING_KIND,
    OLD_CODE_MINUTES,
    TICKET_LIFE,
    TYPED_TRIES,
    TYPED_WINDOW,
    Kind,
    Scan,
    may_undo,
    needs_reason,
)
from app.staff.models import StaffMember

TRY = "scan_typed"


@dataclass(frozen=True, slots=True)
class Preview:
    """A booking that may be handed over here and now. `ticket` and `nonce` go into the confirm form."""

    no: str
    who: str
    phone: str
    what: str
    price_fen: int
    msrp_fen: int
    earnest_kind: str
    earnest_fen: int
    rest_fen: int
    rest_words: str  # how it was paid, where nothing is open any more
    vin: str
    state_words: str
    conditions: list[tuple[bool, str]]
    ticket: str
    nonce: str


def preview(actor: Actor, scan: Scan, now: datetime, *, secret: str) -> Preview:
    """Who, what, how much, or the exact reason why not. A typed try is counted, a scanned code writes nothing.

    Unreadable, UnknownCode, OldCode, WrongStoreScan, AlreadyHandedOver, NotRedeemable, TooManyTries.
    """
    dealer_id = _dealer_of(actor)
    if scan.kind is Kind.UNREADABLE:
        raise Unreadable
    if scan.typed:
        _count_try(actor, now)
    booking = _find(scan, dealer_id, now, secret)
    _check(booking, dealer_id)
    return _preview(booking, _ticket(booking.no, actor, now, secret), ids.token(16))


def look_again(actor: Actor, ticket: str, nonce: str, now: datetime, *, secret: str) -> Preview:
    """What the confirmation belongs to, as it stands now: same ticket, same nonce. Refuses as `preview` does."""
    dealer_id = _dealer_of(actor)
    booking = bookings.find_booking_by_no(_read_ticket(ticket, actor, now, secret))
    if booking is None:
        raise UnknownCode
    _check(booking, dealer_id)
    return _preview(booking, ticket, nonce)


def _preview(booking: Booking, ticket: str, nonce: str) -> Preview:
    kind, rest = booking.earnest_kind, booking.balance_fen if booking.balance_open else 0
    return Preview(
        no=booking.no,
        who=mask_name(booking.contact_name),
        phone=mask_phone(booking.contact_phone),
        what=booking.car_name,
        price_fen=booking.total_fen,
        msrp_fen=booking.msrp_fen,
        earnest_kind=kind,
        earnest_fen=booking.earnest_fen,
        rest_fen=rest,
        rest_words=balance_words(booking),
        vin=booking.vin or "",
        state_words=state_words(booking.state, kind),
        conditions=[
            (True, f"本店预订：{booking.dealer.name}"),
            (True, f"{kind}已付，{'可退' if refundable(kind) else '具有担保效力'}"),
            (not rest, f"余款 {format_yuan(rest)} 还没有付清" if rest else balance_words(booking)),
            (True, "尚未交车"),
        ],
        ticket=ticket,
        nonce=nonce,
    )


@retry_deadlock
def redeem(actor: Actor, ticket: str, nonce: str, now: datetime, *, secret: str, document: str = "") -> int:
    """Hand the car over, once; returns the redemption's id. The same nonce again returns the same id.

    An open balance is recorded in the same step with the number of its `document`.
    TicketStale, every refusal of `preview` (somebody else may have acted since), DocumentWrong,
    DocumentUsed, BalanceSettled, BalanceEarly.
    """
    dealer_id, staff_id = _dealer_of(actor), actor.id or 0
    if not nonce or len(nonce) > 40:
        raise TicketStale
    done = queries.find_by_nonce(staff_id, nonce)
    if done is not None:
        return done.id
    no = _read_ticket(ticket, actor, now, secret)
    try:
        with transaction():
            booking = bookings.find_booking_by_no(no)
            if booking is None:
                raise UnknownCode
            hand_overs.lock(booking.id)
            again = queries.find_by_nonce(staff_id, nonce)  # the first answer was lost while this one waited
            if again is not None:
                return again.id
            _check(booking, dealer_id)
            return _hand_over(booking.id, actor, nonce, now, document)
    except IntegrityError:  # the one standing redemption for each subject
        raise _already(bookings.find_booking_by_no(no)) from None


@retry_deadlock
def undo(actor: Actor, redemption_id: int, reason: str, now: datetime) -> None:
    """Take a hand-over back; the record stays. CannotUndo, ReasonMissing, NotFound."""
    dealer_id = _dealer_of(actor)
    with transaction():
        unlocked = db.session.get(Redemption, redemption_id)
        if unlocked is None or unlocked.dealer_id != dealer_id:
            raise NotFound
        hand_overs.lock(unlocked.subject_id)
        row = db.session.get_one(Redemption, redemption_id, populate_existing=True)
        own = row.staff_id == actor.id
        if not may_undo(
            role=actor.role,
            own=own,
            same_dealer=True,
            redeemed_at=row.redeemed_at,
            undone=row.undone_at is not None,
            now=now,
        ):
            raise CannotUndo
        if needs_reason(own=own, redeemed_at=row.redeemed_at, now=now) and not reason.strip():
            raise ReasonMissing
        taken = update(Redemption).where(Redemption.id == redemption_id, Redemption.undone_at.is_(None))
        if changed_rows(taken.values(undone_at=now, undone_by=actor.id, undo_reason=reason.strip()[:120])) != 1:
            raise CannotUndo
        hand_overs.take_back(row.subject_id, BookingState(row.previous_state), actor, now)
        audit.record(actor, "redemption_undone", "redemption", redemption_id, own=own)


def _hand_over(booking_id: int, actor: Actor, nonce: str, now: datetime, document: str) -> int:
    before = hand_overs.hand_over(booking_id, actor, now, document)
    row = Redemption(
        subject_kind=queries.SUBJECT,
        subject_id=booking_id,
        dealer_id=actor.dealer_id,
        staff_id=actor.id,
        nonce=nonce,
        previous_state=before,
        redeemed_at=now,
    )
    db.session.add(row)
    db.session.flush()
    audit.record(actor, "redeemed", "redemption", row.id, booking_id=booking_id, before=before)
    return row.id


def _dealer_of(actor: Actor) -> int:
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    return actor.dealer_id


def _find(scan: Scan, dealer_id: int, now: datetime, secret: str) -> Booking:
    if scan.kind is Kind.TOKEN:
        return _by_token(scan.value, now, secret)
    if scan.kind is Kind.NUMBER:
        booking = bookings.find_booking_by_no(scan.value)
        # A wrong number and a wrong tail sound the same.
        if booking is None or not constant_time_equal(booking.contact_phone[-4:], scan.tail):
            raise UnknownCode
        return booking
    for candidate in bookings.list_by_phone_tail(scan.tail, now):
        if check_living_digits(secret, BOOKING_KIND, candidate.no, scan.value, now):
            return candidate
    raise UnknownCode


def _by_token(token: str, now: datetime, secret: str) -> Booking:
    found = check_living_token(secret, token, now)
    if found is None:
        steps = (now - timedelta(seconds=STEP_SECONDS * n) for n in range(1, OLD_CODE_MINUTES))
        raise OldCode if any(check_living_token(secret, token, then) for then in steps) else UnknownCode
    kind, number = found
    booking = bookings.find_booking_by_no(number) if kind == BOOKING_KIND else None
    if booking is None:
        raise UnknownCode
    return booking


def _check(booking: Booking, dealer_id: int) -> None:
    """The refusals in the order a clerk thinks: here? already? in order?"""
    if booking.dealer_id != dealer_id:
        raise WrongStoreScan(booking.dealer.name)
    if booking.state == BookingState.HANDED_OVER:
        raise _already(booking)
    if booking.state not in PICK_UP:
        raise NotRedeemable(state_words(booking.state, booking.earnest_kind))


def _already(booking: Booking | None) -> Refused:
    standing = queries.find_standing(booking.id) if booking is not None else None
    if standing is None:
        return UnknownCode()
    row, dealer_name, staff_name = standing
    return AlreadyHandedOver(say(row.redeemed_at), dealer_name, mask_name(staff_name))


def _count_try(actor: Actor, now: datetime) -> None:
    """Count typed tries in the database, one after the other for each person."""
    with transaction():
        db.session.execute(select(StaffMember.id).where(StaffMember.id == actor.id).with_for_update())
        tries = db.session.scalar(
            select(func.count()).where(
                AuditEntry.subject_kind == "scan",
                AuditEntry.subject_id == actor.id,
                AuditEntry.action == TRY,
                AuditEntry.at > now - TYPED_WINDOW,
            )
        )
        if (tries or 0) >= TYPED_TRIES:
            raise TooManyTries
        db.session.add(
            AuditEntry(
                at=now, actor_kind=actor.kind, actor_id=actor.id, action=TRY,
                subject_kind="scan", subject_id=actor.id, detail={},
            )
        )  # fmt: skip


def _ticket(no: str, actor: Actor, now: datetime, secret: str) -> str:
    """What proves at the confirmation that this clerk saw this booking's code a moment ago."""
    head = f"{no}.{int((now + TICKET_LIFE).timestamp())}"
    return f"{head}.{_seal(head, actor, secret)}"


def _read_ticket(ticket: str, actor: Actor, now: datetime, secret: str) -> str:
    head, _, seal = ticket.rpartition(".")
    no, _, until = head.partition(".")
    if not head.isascii() or not seal.isascii() or not constant_time_equal(_seal(head, actor, secret), seal):
        raise TicketStale
    if int(until) < now.timestamp():
        raise TicketStale
    return no


def _seal(head: str, actor: Actor, secret: str) -> str:
    return fingerprint(secret, "redeem", f"{head}:{actor.id}:{actor.dealer_id}")[:32]
