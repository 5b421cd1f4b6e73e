"""States and actions of a booking: one table decides every step. Pure."""

from enum import StrEnum

KIND = "booking"  # what the payments room calls a booking


class BookingState(StrEnum):
    """预订单状态"""

    HELD = "held"
    DEPOSIT_PAID = "deposit_paid"
    CONFIRMED = "confirmed"
    CAR_READY = "car_ready"
    HANDED_OVER = "handed_over"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    FORFEITED = "forfeited"


class BookingAction(StrEnum):
    PAY = "pay"
    EXPIRE = "expire"
    CANCEL = "cancel"
    CONFIRM = "confirm"  # said only by the dealer
    PREPARE = "prepare"  # the car is ready
    HAND_OVER = "hand_over"
    REFUND = "refund"  # the money is back
    RESCUE = "rescue"  # late money found a unit that was left
    GIVE_BACK = "give_back"  # the dealer broke its promise, or headquarters decided
    FORFEIT = "forfeit"  # 定金, and the customer broke the promise
    REASSIGN = "reassign"  # the customer chose another dealer, whose promise begins anew


_S, _A = BookingState, BookingAction

# (state, action) → state. A pair that is absent is refused.
TRANSITIONS: dict[tuple[BookingState, BookingAction], BookingState] = {
    (_S.HELD, _A.PAY): _S.DEPOSIT_PAID,
    (_S.HELD, _A.EXPIRE): _S.EXPIRED,
    (_S.HELD, _A.CANCEL): _S.CANCELLED,
    (_S.DEPOSIT_PAID, _A.CONFIRM): _S.CONFIRMED,
    (_S.DEPOSIT_PAID, _A.CANCEL): _S.REFUNDING,
    (_S.DEPOSIT_PAID, _A.HAND_OVER): _S.HANDED_OVER,
    (_S.CONFIRMED, _A.PREPARE): _S.CAR_READY,
    (_S.CONFIRMED, _A.CANCEL): _S.REFUNDING,
    (_S.CONFIRMED, _A.HAND_OVER): _S.HANDED_OVER,
    (_S.CAR_READY, _A.CANCEL): _S.REFUNDING,
    (_S.CAR_READY, _A.HAND_OVER): _S.HANDED_OVER,
    (_S.REFUNDING, _A.REFUND): _S.REFUNDED,
    (_S.EXPIRED, _A.RESCUE): _S.DEPOSIT_PAID,
    (_S.DEPOSIT_PAID, _A.GIVE_BACK): _S.REFUNDING,
    (_S.CONFIRMED, _A.GIVE_BACK): _S.REFUNDING,
    (_S.CAR_READY, _A.GIVE_BACK): _S.REFUNDING,
    (_S.CONFIRMED, _A.FORFEIT): _S.FORFEITED,
    (_S.CAR_READY, _A.FORFEIT): _S.FORFEITED,
    (_S.CONFIRMED, _A.REASSIGN): _S.DEPOSIT_PAID,
}

# A booking in one of these keeps its unit and its place in the per-person limit.
KEEPS_UNIT = frozenset({_S.HELD, _S.DEPOSIT_PAID, _S.CONFIRMED, _S.CAR_READY, _S.HANDED_OVER})
# The earnest money of these is with us: owed as a car, or kept as 定金.
HOLDS_MONEY = (KEEPS_UNIT - {_S.HELD}) | {_S.FORFEITED}
# These carry a pick-up code.
PICK_UP = (_S.DEPOSIT_PAID, _S.CONFIRMED, _S.CAR_READY)

STATE_WORDS: dict[BookingState, str] = {
    _S.HELD: "待支付",
    _S.DEPOSIT_PAID: "已付订金",
    _S.CONFIRMED: "待到店",
    _S.CAR_READY: "待到店",
    _S.HANDED_OVER: "已交车",
    _S.CANCELLED: "已取消",
    _S.EXPIRED: "已取消",
    _S.REFUNDING: "退款中",
    _S.REFUNDED: "已退款",
    _S.FORFEITED: "已违约",
}


def state_words(state: str, earnest_kind: str) -> str:
    """The one word for a state; 已付定金 where it is one."""
    words = STATE_WORDS[BookingState(state)]
    return words.replace("订金", earnest_kind)


def target(state: str, action: BookingAction) -> BookingState | None:
    """Where this action leads from here, or None when it is refused."""
    return TRANSITIONS.get((BookingState(state), action))
