"""All the money of one booking: earnest money and balance, and sending everything back."""

from datetime import datetime

from app.booking.queries.money import by_hand_words, returned_words
from app.booking.rules import KIND, BookingAction, BookingState
from app.booking.rules.promises import APART, BALANCE
from app.booking.services import cases
from app.booking.services.change import Change, move, standing, tell
from app.core.money import format_yuan
from app.core.security import SYSTEM
from app.payments import queries as payments
from app.payments.models import Payment, Refund
from app.payments.rules import RefundState
from app.payments.services import refunds
from app.payments.services.settlement import lock_payment

KINDS = (KIND, BALANCE)


def owed(booking_id: int, *kinds: str) -> list[tuple[int, int]]:
    """(payment, fen) of everything that came in online and was not asked back yet, the earnest money first."""
    rows = [p for kind in kinds or KINDS for p in payments.list_succeeded(kind, booking_id)]
    left = ((p.id, payments.unclaimed_fen(p.id)) for p in rows)
    return [(payment_id, fen) for payment_id, fen in left if fen > 0]


def owed_fen(booking_id: int, *kinds: str) -> int:
    """How much that is together, of everything or of these kinds."""
    return sum(fen for _, fen in owed(booking_id, *kinds))


def return_all(booking_id: int, code: str, reason: str, now: datetime) -> int:
    """Send back everything that came in online, once for each payment; how much. The booking must be locked.

    A balance that the store took becomes a case: the store gives it back.
    """
    total = 0
    for payment_id, fen in owed(booking_id):
        total += refunds.request_refund(lock_payment(payment_id), fen, code, reason, now).amount_fen
    cases.owe_store_balance(booking_id, now)
    if total == 0:
        finish(booking_id, now)  # all of it went back before: no refund will come and end the booking
    return total


def on_refunded(payment: Payment, refund: Refund, now: datetime) -> None:
    """Money went back: told, and the last of it ends a booking that waits for it."""
    booking, note = standing(payment.payable_id), f"{format_yuan(refund.amount_fen)} {returned_words(refund)}"
    ends = booking.state == BookingState.REFUNDING and refund.reason_code not in APART
    if not ends or _still_returning(booking.id):
        tell(booking.id, "money_returned", SYSTEM, now, note)
        return
    move(booking, Change(BookingAction.REFUND, "refunded", note), SYSTEM, now)


def on_refund_handled(payment: Payment, refund: Refund, now: datetime) -> None:
    """A person sent back by hand what WeChat Pay did not: told, and the last of it ends the booking."""
    booking, note = standing(payment.payable_id), f"{format_yuan(refund.amount_fen)} {by_hand_words(refund)}"[:120]
    ends = booking.state == BookingState.REFUNDING and refund.reason_code not in APART
    if not ends or _still_returning(booking.id):
        tell(booking.id, "money_handled", SYSTEM, now, note)
        return
    move(booking, Change(BookingAction.REFUND, "refunded_by_hand", note), SYSTEM, now)


def finish(booking_id: int, now: datetime) -> None:
    """A part went back otherwise: where nothing else is on its way, that ends the booking. In the transaction."""
    booking = standing(booking_id)
    if booking.state == BookingState.REFUNDING and not _still_returning(booking_id):
        move(booking, Change(BookingAction.REFUND, "refunded_by_hand", "款项已全部退回"), SYSTEM, now)


def _still_returning(booking_id: int) -> bool:
    """Whether a refund that ends the booking is still on its way, or the store still has to give its part back."""
    if cases.owes_in_store(booking_id):
        return True
    rows = (r for kind in KINDS for r in payments.list_refunds(kind, booking_id) if r.reason_code not in APART)
    return any(not _is_back(r) for r in rows)


def _is_back(refund: Refund) -> bool:
    return refund.state == RefundState.SUCCEEDED or refund.handled_at is not None
