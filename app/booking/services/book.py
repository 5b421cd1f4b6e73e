"""The money of bookings in the ledger of their store: called last in the transaction of what happened."""

from datetime import datetime

from app.booking.models import Booking
from app.booking.rules import KIND
from app.booking.services.change import Standing
from app.core.security import Actor
from app.ledger.rules import LedgerEvent
from app.ledger.services import append


def came_in(booking: Booking | Standing, fen: int, actor: Actor, now: datetime) -> None:
    """收款: WeChat Pay or the store took it, also what goes back at once."""
    append(actor, LedgerEvent.PAID, KIND, booking.id, now, dealer_id=booking.dealer_id, amount_fen=fen)


def never_came(booking: Booking | Standing, fen: int, actor: Actor, now: datetime) -> None:
    """更正收款: the store had recorded what it did not take."""
    append(actor, LedgerEvent.UNPAID, KIND, booking.id, now, dealer_id=booking.dealer_id, amount_fen=fen)


def went_back(booking: Booking | Standing, fen: int, actor: Actor, now: datetime) -> None:
    """退款: it is back with the customer."""
    append(actor, LedgerEvent.REFUNDED, KIND, booking.id, now, dealer_id=booking.dealer_id, amount_fen=fen)
