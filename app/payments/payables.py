"""What can be paid for: higher rooms implement `Payable` and are registered, so "paid" and "booked" commit together."""

from datetime import datetime
from typing import NamedTuple, Protocol

from app.payments.models import Payment, Refund


class Attempt(NamedTuple):
    """What settling needs of a payment, as it was read before its state moved."""

    id: int
    payable_kind: str
    payable_id: int
    app_id: str
    mch_id: str
    out_trade_no: str
    amount_fen: int
    currency: str
    state: str
    transaction_id: str | None


class Payable(Protocol):
    """Every method runs inside the caller's transaction."""

    def lock(self, payable_id: int) -> None:
        """Lock what a payment of this changes, in the house's order, before the payment itself is locked."""
        ...

    def amount_due(self, payable_id: int, now: datetime) -> int:
        """Fen to pay now. NothingDue when it cannot be paid (any more)."""
        ...

    def on_paid(self, payment: Attempt, now: datetime) -> None:
        """Money arrived, once for each payment. What cannot take it asks for a refund here."""
        ...

    def on_refunded(self, payment: Payment, refund: Refund, now: datetime) -> None:
        """Money went back, once for each refund."""
        ...

    def on_refund_stuck(self, payment: Payment, refund: Refund, now: datetime) -> None:
        """Money did not go back and a person has to see to it, once for each refund."""
        ...

    def on_refund_handled(self, payment: Payment, refund: Refund, now: datetime) -> None:
        """A person gave back otherwise what WeChat Pay did not manage to send, once for each refund."""
        ...

    def held_fen(self) -> int:
        """What all things of this kind hold now: paid money that is owed as goods, counted on their own rows."""
        ...


_registry: dict[str, Payable] = {}


def register(kind: str, payable: Payable) -> None:
    """Name the one implementation for this kind."""
    _registry[kind] = payable


def of(kind: str) -> Payable:
    """The implementation for this kind."""
    return _registry[kind]


def held_fen() -> int:
    """What everything that was paid for holds now."""
    return sum(payable.held_fen() for payable in _registry.values())
