"""Who may cancel when, and what comes back: one table for the sentence that is read and for the deed. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from app.booking.rules.earnest import LAWS
from app.booking.rules.states import HOLDS_MONEY, PICK_UP, BookingState
from app.core.money import format_yuan


class Way(StrEnum):
    """What a wish to cancel leads to."""

    FREE = "free"  # nothing was paid: the unit is free again at once
    REFUND = "refund"  # everything goes back by itself
    APPROVAL = "approval"  # headquarters decides: the car stands there, and all of it is paid
    BOUND = "bound"  # 定金: only headquarters can let go of it
    NONE = "none"  # there is nothing to cancel


@dataclass(frozen=True, slots=True)
class CancelRow:
    """One line of the table; None means whichever."""

    states: frozenset[BookingState]
    binding: bool | None
    paid_in_full: bool | None
    way: Way


_S = BookingState
_PAID = frozenset(PICK_UP)
# The first line that fits decides.
CANCELLING: tuple[CancelRow, ...] = (
    CancelRow(frozenset({_S.HELD}), None, None, Way.FREE),
    CancelRow(_PAID, True, None, Way.BOUND),
    CancelRow(frozenset({_S.CAR_READY}), False, True, Way.APPROVAL),
    CancelRow(_PAID, False, None, Way.REFUND),
)


@dataclass(frozen=True, slots=True)
class CancelRule:
    """What cancelling this booking means now: `online_fen` goes back by itself, `store_fen` in the store."""

    way: Way
    sentence: str
    button: str = ""
    online_fen: int = 0
    store_fen: int = 0

    @property
    def may_cancel(self) -> bool:
        """Whether a tap is enough."""
        return self.way in (Way.FREE, Way.REFUND)

    @property
    def may_ask(self) -> bool:
        """Whether headquarters can be asked."""
        return self.way in (Way.APPROVAL, Way.BOUND)


def way_to_cancel(kind: str, state: str, *, paid_in_full: bool) -> Way:
    """What a wish to cancel leads to in this state."""
    binding = LAWS[kind].binding
    for row in CANCELLING:
        fits = row.binding in (None, binding) and row.paid_in_full in (None, paid_in_full)
        if fits and BookingState(state) in row.states:
            return row.way
    return Way.NONE


def cancel_rule(kind: str, state: str, *, paid_in_full: bool, online_fen: int, store_fen: int = 0) -> CancelRule:
    """The rule with its sentence, read before the wish is confirmed and applied to it."""
    way = way_to_cancel(kind, state, paid_in_full=paid_in_full)
    match way:
        case Way.FREE:
            return CancelRule(way, "还没有付款，取消后名额立即释放，不产生费用。", "确认取消")
        case Way.REFUND:
            return CancelRule(
                way, _refund_words(online_fen, store_fen), _refund_button(online_fen), online_fen, store_fen
            )
        case Way.APPROVAL:
            words = "全款已付、车已备好，取消需要总部审核。提交申请后 3 个工作日内答复，同意后全额退回。"
            return CancelRule(way, words, "申请取消", online_fen, store_fen)
        case Way.BOUND:
            words = "这笔款项是定金，您单方取消不退还。如有特殊情况可以提交申请，由总部核实后答复。"
            return CancelRule(way, words, "提交申请")
        case Way.NONE:
            return CancelRule(way, "")


def _refund_words(online_fen: int, store_fen: int) -> str:
    words = f"取消后 {format_yuan(online_fen)} 全额原路退回，通常 1–3 个工作日到账，名额立即释放。"
    return words + (f"到店支付的余款 {format_yuan(store_fen)} 由门店退还。" if store_fen else "")


def _refund_button(online_fen: int) -> str:
    return f"确认取消，退款 {format_yuan(online_fen)}"


def may_dispute(state: str) -> bool:
    """Whether headquarters can be asked to look at the money of this booking: as long as some of it was paid."""
    return BookingState(state) in HOLDS_MONEY or BookingState(state) in (_S.REFUNDING, _S.REFUNDED)
