"""States and actions of a booking, phases of a deal, what 订金, 意向金 and 定金 mean. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.core.money import format_yuan

KIND = "booking"  # what the payments room calls a booking
HOLD = timedelta(minutes=15)
EXPIRY_PATIENCE = timedelta(seconds=3)  # a notice on its way at the last second is usually here by then


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


class BookingAction(StrEnum):
    PAY = "pay"
    EXPIRE = "expire"
    CANCEL = "cancel"
    CONFIRM = "confirm"  # said only by the dealer
    PREPARE = "prepare"
    HAND_OVER = "hand_over"
    REFUND = "refund"  # the money is back


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
}

# A booking in one of these keeps its unit and its place in the per-person limit.
KEEPS_UNIT = frozenset({_S.HELD, _S.DEPOSIT_PAID, _S.CONFIRMED, _S.CAR_READY, _S.HANDED_OVER})
# The earnest money of these is with us and is owed as a car.
HOLDS_MONEY = KEEPS_UNIT - {_S.HELD}
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
}


def state_words(state: str, earnest_kind: str) -> str:
    """The one word for a state; 已付定金 where it is one."""
    words = STATE_WORDS[BookingState(state)]
    return words.replace("订金", earnest_kind)


# The timeline's words: what happened, what comes next in each state, the one sentence above it.
REFUND_TROUBLE = "refund_trouble"
REFUND_TROUBLE_WORDS = "退款遇到问题，我们会尽快人工处理"
EVENT_WORDS = {
    "held": "已为您保留 1 台",
    "deposit_paid": "已付订金",
    "confirmed": "门店已确认",
    "car_ready": "车已备好",
    "handed_over": "已交车",
    "hand_over_undone": "交车已撤销",
    "cancelled": "已取消",
    "expired": "超时未付，已释放",
    "refunding": "已申请取消，退款中",
    "refunded": "已退款",
    "late_payment": "付款到账较晚，自动退款",
    "double_payment": "重复付款，自动退款",
    "money_returned": "退款已到账",
    REFUND_TROUBLE: REFUND_TROUBLE_WORDS,
}
BAD_EVENTS = frozenset({"expired", "cancelled", "late_payment", "double_payment", "hand_over_undone", REFUND_TROUBLE})
AHEAD: dict[BookingState, tuple[str, ...]] = {
    _S.HELD: ("支付订金", "门店确认", "到店提车"),
    _S.DEPOSIT_PAID: ("门店确认", "到店提车"),
    _S.CONFIRMED: ("到店提车",),
    _S.CAR_READY: ("到店提车",),
    _S.HANDED_OVER: (),
    _S.CANCELLED: (),
    _S.EXPIRED: (),
    _S.REFUNDING: ("退款到账",),
    _S.REFUNDED: (),
}
NEXT_STEPS: dict[BookingState, str] = {
    _S.HELD: "请在{until}前支付订金，超时名额会自动释放。",
    _S.DEPOSIT_PAID: "门店会与您联系确认提车时间，到店时出示下方取车码。",
    _S.CONFIRMED: "请按约定时间到店，并出示下方取车码。",
    _S.CAR_READY: "车已备好，请到店并出示下方取车码。",
    _S.HANDED_OVER: "交车完成，祝您用车愉快。",
    _S.CANCELLED: "这笔预订已取消，没有产生费用。",
    _S.EXPIRED: "保留时间已过，名额已释放。如已付款会自动原路退回。",
    _S.REFUNDING: "款项正在原路退回，通常 1–3 个工作日到账。",
    _S.REFUNDED: "款项已原路退回，请在微信支付账单中查看。",
}


def target(state: str, action: BookingAction) -> BookingState | None:
    """Where this action leads from here, or None when it is refused."""
    return TRANSITIONS.get((BookingState(state), action))


class EarnestKind(StrEnum):
    """款项类型. The words are never swapped: only 定金 binds."""

    PREPAYMENT = "订金"
    BINDING = "定金"
    INTENTION = "意向金"


BINDING_SHARE_PERCENT = 20  # Civil Code, article 586


def refundable(kind: str) -> bool:
    """Whether the shopper may have it back by cancelling."""
    return kind != EarnestKind.BINDING


def earnest_problem(kind: str, earnest_fen: int, price_fen: int) -> str | None:
    """What forbids this earnest money, as a sentence, or None."""
    if kind not in set(EarnestKind):
        return "款项类型应为订金、定金或意向金"
    if not 0 < earnest_fen <= price_fen:
        return f"{kind}应大于 0 且不超过一口价"
    if kind == EarnestKind.BINDING and earnest_fen * 100 > price_fen * BINDING_SHARE_PERCENT:
        return "定金不得超过一口价的 20%"
    return None


def earnest_rule(kind: str) -> str:
    """What it means for the payer, in one sentence."""
    if kind == EarnestKind.BINDING:
        return "定金具有担保效力：您违约不退还，商家违约双倍返还。"
    return f"{kind}是预付款：交车前可随时取消，全额原路退回。"


class DealPhase(StrEnum):
    UPCOMING = "upcoming"
    RUNNING = "running"
    SOLD_OUT = "sold_out"
    ENDED = "ended"


PHASE_WORDS = {
    DealPhase.UPCOMING: "即将开始",
    DealPhase.RUNNING: "进行中",
    DealPhase.SOLD_OUT: "已订完",
    DealPhase.ENDED: "已结束",
}


def deal_phase(starts_at: datetime, ends_at: datetime, units_left: int, withdrawn: bool, now: datetime) -> DealPhase:
    """Where a deal stands; the window is half-open."""
    if withdrawn or now >= ends_at:
        return DealPhase.ENDED
    if now < starts_at:
        return DealPhase.UPCOMING
    return DealPhase.RUNNING if units_left > 0 else DealPhase.SOLD_OUT


TERMS_VERSION = "2026-11"


@dataclass(frozen=True, slots=True)
class Terms:
    """预订条款 as agreed to: the text and its hash go onto the booking."""

    text: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def version(self) -> str:
        """Another text is another version, whoever changed it: the deal's kind, amount and notes are all in it."""
        return f"{TERMS_VERSION}-{self.digest[:12]}"


def terms_for(kind: str, earnest_fen: int, price_fen: int, deal_terms: str) -> Terms:
    """The terms of one booking, in sentences."""
    lines = [
        f"一口价 {format_yuan(price_fen)}，{kind} {format_yuan(earnest_fen)}，余款到店支付。",
        earnest_rule(kind),
        "提交后为您保留 15 分钟，付款成功预订生效；超时未付自动释放。",
        "保留结束后才到账的付款会自动原路退回。",
    ]
    if deal_terms.strip():
        lines.append(deal_terms.strip())
    return Terms("\n".join(lines))


# What the separate consent says: who gets what, and what for. Shown and recorded word for word.
SHARING_TEXT = "同意将我的姓名和手机号提供给所选门店，仅用于联系我办理这次预订。"


def mask_name(name: str) -> str:
    """周*: enough to greet, not enough to know."""
    return name[:1] + "*" if name else "*"
