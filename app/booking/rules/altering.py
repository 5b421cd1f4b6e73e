"""What may still be changed on a booking, until when, and what follows. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.booking.rules.promises import missed
from app.booking.rules.states import PICK_UP, BookingState


class ChangeKind(StrEnum):
    """更改的种类"""

    COLOUR = "colour"
    DEALER = "dealer"
    OWNER = "owner"


_S = BookingState
# Until when. What is over, or not paid yet, is cancelled and booked anew instead.
ALTERABLE: dict[ChangeKind, frozenset[BookingState]] = {
    ChangeKind.COLOUR: frozenset({_S.DEPOSIT_PAID, _S.CONFIRMED}),
    ChangeKind.DEALER: frozenset({_S.DEPOSIT_PAID, _S.CONFIRMED}),
    ChangeKind.OWNER: frozenset(PICK_UP),
}
CHANGE_WORDS: dict[str, str] = {
    ChangeKind.COLOUR: "车身颜色",
    ChangeKind.DEALER: "提车门店",
    ChangeKind.OWNER: "登记车主",
}
MAX_OWNER = 40


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form asks for; only the field of its kind counts. `share`: the new dealer may have name and phone."""

    kind: ChangeKind
    colour: str = ""
    dealer_id: int = 0
    owner: str = ""
    share: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How the booking stands, as far as changing it is concerned."""

    state: str
    confirm_by: datetime | None
    ready_by: datetime | None
    balance_paid: bool
    paid_in_store: bool
    balance_in_flight: bool  # an order for the balance could be paid at this moment
    case_open: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """What a change means, read before it is confirmed. `token` is another as soon as anything of it is."""

    kind: ChangeKind
    old: str
    new: str
    total_before_fen: int
    total_fen: int
    balance_before_fen: int
    balance_fen: int
    notes: tuple[str, ...]
    token: str

    @property
    def delta_fen(self) -> int:
        return self.total_fen - self.total_before_fen

    @property
    def needs_consent(self) -> bool:
        return self.kind is ChangeKind.DEALER


def change_problem(kind: ChangeKind, standing: Standing, delta_fen: int, now: datetime) -> str | None:
    """Why this cannot be changed now, as a sentence, or None."""
    state = BookingState(standing.state)
    if state is _S.HELD:
        return "还没有付款：请取消后按新的选择重新预订。"
    if state not in PICK_UP:
        return "这笔预订已经结束，不能再更改。"
    if standing.case_open:
        return "总部正在处理这笔预订，答复后再更改。"
    late = standing.confirm_by if state is _S.DEPOSIT_PAID else standing.ready_by if state is _S.CONFIRMED else None
    if missed(late, now):
        return "门店没有按时办理，款项将自动退回，这笔预订不能再更改。"
    if state not in ALTERABLE[kind]:
        return f"车已备好，不能再更换{CHANGE_WORDS[kind]}。如有特殊情况，可以在预订页提交申请。"
    if kind is ChangeKind.DEALER and standing.paid_in_store:
        return "余款已在原门店支付，不能更换门店。如有特殊情况，可以在预订页提交申请。"
    if delta_fen and standing.balance_paid:
        return "余款已付，只能更换同价的颜色。"
    if delta_fen and standing.balance_in_flight:
        return "有一笔余款正在支付，请先完成付款，或两小时后再更改。"
    return None


def token_of(*facts: object) -> str:
    """One word for everything a quote was made of."""
    return hashlib.sha256("|".join(str(fact) for fact in facts).encode()).hexdigest()[:16]
