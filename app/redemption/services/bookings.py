"""A booking as a subject of the counter: its car is handed over."""

from collections.abc import Iterable
from datetime import datetime

from app.booking import queries as bookings
from app.booking.models import Booking
from app.booking.queries.store import balance_words
from app.booking.rules import PICK_UP, BookingState, refundable, state_words
from app.booking.services import hand_over as hand_overs
from app.core import audit
from app.core.errors import DomainError
from app.core.money import format_yuan
from app.core.security import Actor
from app.ledger.rules import LedgerEvent
from app.ledger.services import append
from app.members.rules import mask_name, mask_phone
from app.redemption import queries
from app.redemption.errors import AlreadyHandedOver, NotRedeemable, Refused, UnknownCode, WrongStoreScan
from app.redemption.rules import Kind
from app.redemption.services.subjects import Done, Filled, Shown


class BookingSubject:
    """取车."""

    kind = "booking"
    letter = "B"
    number_kind = Kind.BOOKING

    def find(self, reference: str) -> Booking | None:
        return bookings.find_booking_by_no(reference)

    def reference(self, found: Booking) -> str:
        return found.no

    def tail(self, found: Booking) -> str:
        return found.contact_phone[-4:]

    def list_by_tail(self, tail: str, dealer_id: int, now: datetime) -> Iterable[Booking]:
        return bookings.list_by_phone_tail(tail, now)

    def check(self, found: Booking, dealer_id: int, now: datetime) -> None:
        """The refusals in the order a clerk thinks: here? already? in order?"""
        if found.dealer_id != dealer_id:
            raise WrongStoreScan(found.dealer.name)
        if found.state == BookingState.HANDED_OVER:
            raise self.already(found)
        if found.state not in PICK_UP:
            raise NotRedeemable(state_words(found.state, found.earnest_kind))

    def already(self, found: Booking) -> Refused:
        standing = queries.find_standing(self.kind, found.id)
        return AlreadyHandedOver(standing.when, standing.where, standing.who, standing) if standing else UnknownCode()

    def explain(self, found: Booking, refusal: DomainError, dealer_id: int, now: datetime) -> DomainError:
        return refusal

    def show(self, found: Booking, now: datetime) -> Shown:
        kind, rest = found.earnest_kind, found.balance_fen if found.balance_open else 0
        return Shown(
            who=mask_name(found.contact_name),
            phone=mask_phone(found.contact_phone),
            what=found.car_name,
            button="收齐余款，确认交车" if rest else "确认交车",
            busy="核销中…",
            conditions=[
                (True, f"本店预订：{found.dealer.name}"),
                (True, f"{kind}已付，{'可退' if refundable(kind) else '具有担保效力'}"),
                (not rest, f"余款 {format_yuan(rest)} 还没有付清" if rest else balance_words(found)),
                (True, "尚未交车"),
            ],
            rows=[
                ("状态", state_words(found.state, kind)),
                ("全款", format_yuan(found.total_fen)),
                (f"已付{kind}", format_yuan(found.earnest_fen)),
                ("余款", f"{format_yuan(rest)} 待收" if rest else balance_words(found)),
                ("车架号", found.vin or "未分配"),
                ("订单号", found.no),
            ],
            due_fen=rest,
            due_label="到店应收余款",
            asks="document" if rest else "",
            asks_hint="收齐余款后填写收据或发票号，随交车一起登记",
        )

    def words(self, found: Booking) -> None:
        """Handing over changes what the receipt says."""
        return

    def redeem(self, found: Booking, filled: Filled, actor: Actor, now: datetime) -> Done:
        """Hand the car over; an open balance is recorded in the same step with the number of its document."""
        hand_overs.lock(found.id)
        booking = bookings.find_booking_by_id(found.id)
        if booking is None:
            raise UnknownCode
        self.check(booking, actor.dealer_id or 0, now)
        before = hand_overs.hand_over(found.id, actor, now, filled.document)
        audit.record(actor, "redeemed", "booking", found.id, before=before)
        append(actor, LedgerEvent.REDEEMED, self.kind, found.id, now, dealer_id=actor.dealer_id)
        return Done(found.id, before)

    def lock(self, subject_id: int) -> None:
        hand_overs.lock(subject_id)

    def take_back(self, subject_id: int, before: str, actor: Actor, now: datetime) -> None:
        hand_overs.take_back(subject_id, BookingState(before), actor, now)
        append(actor, LedgerEvent.UNDONE, self.kind, subject_id, now, dealer_id=actor.dealer_id)
