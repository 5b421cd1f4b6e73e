"""What can be redeemed: one protocol for bookings and coupons, so that the counter knows neither."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from app.core.errors import DomainError
from app.core.security import Actor
from app.redemption.errors import OwnCode, Refused
from app.redemption.queries import Words
from app.redemption.rules import Kind


@dataclass(frozen=True, slots=True)
class Shown:
    """What a clerk reads before confirming. `asks` names the field that must be filled in: document, bill or none."""

    who: str
    phone: str
    what: str
    button: str
    busy: str
    conditions: list[tuple[bool, str]]
    rows: list[tuple[str, str]]
    due_fen: int = 0  # what is to be collected, or what a coupon is worth
    due_label: str = ""
    due_words: str = ""  # stands large instead of an amount
    asks: str = ""
    asks_hint: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """What the clerk filled in at the preview."""

    document: str = ""
    bill: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What a redemption changed: the state an undo goes back to, and what it was worth."""

    subject_id: int
    before: str
    amount_fen: int = 0
    bill_fen: int | None = None


def refuse_own(found: Any, actor: Actor) -> None:
    """Nobody redeems what is their own, whatever their role: it takes a colleague. OwnCode."""
    if actor.member_id is not None and found.member_id == actor.member_id:
        raise OwnCode


class Subject(Protocol):
    """A kind of thing that a customer shows and a clerk redeems. `found` is whatever `find` gave."""

    @property
    def kind(self) -> str: ...
    @property
    def letter(self) -> str:
        """The first letter of its living tokens."""
        ...

    @property
    def number_kind(self) -> Kind:
        """What its number looks like when it is typed."""
        ...

    def find(self, reference: str) -> Any | None: ...
    def reference(self, found: Any) -> str: ...
    def tail(self, found: Any) -> str:
        """The last four of the customer's phone; empty when there is none."""
        ...

    def list_by_tail(self, tail: str, dealer_id: int, now: datetime) -> Iterable[Any]: ...
    def check(self, found: Any, dealer_id: int, now: datetime) -> None:
        """Raise the refusal that a clerk has to read, if any."""
        ...

    def show(self, found: Any, now: datetime) -> Shown: ...
    def words(self, found: Any) -> Words | None:
        """What the receipt calls it, where what was found says all of it."""
        ...

    def redeem(self, found: Any, filled: Filled, actor: Actor, now: datetime) -> Done:
        """Inside the confirmation's transaction: judged again as it stands when it is our turn."""
        ...

    def lock(self, subject_id: int) -> None:
        """Before the redemption's own row, where others take locks in that order."""
        ...

    def take_back(self, subject_id: int, before: str, actor: Actor, now: datetime) -> None: ...
    def already(self, found: Any) -> Refused:
        """Who, when and where, after somebody else was faster."""
        ...

    def explain(self, found: Any, refusal: DomainError, dealer_id: int, now: datetime) -> DomainError:
        """The refusal of the room below as the counter says it."""
        ...
