"""What may happen to an attempt to pay and to a refund, and when to ask WeChat Pay again. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class PaymentState(StrEnum):
    """支付状态. SUCCEEDED is final: nothing that arrives later takes money back into doubt."""

    CREATED = "created"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"


OPEN = (PaymentState.CREATED, PaymentState.PENDING)


class PaymentAction(StrEnum):
    ORDER = "order"  # WeChat Pay took the order
    PAY = "pay"  # a notice or query says it is paid
    CLOSE = "close"  # nobody can pay it any more


_P, _A = PaymentState, PaymentAction

# (state, action) → state. A pair that is absent changes nothing: the state already knows better.
PAYMENT_TRANSITIONS: dict[tuple[PaymentState, PaymentAction], PaymentState] = {
    (_P.CREATED, _A.ORDER): _P.PENDING,
    (_P.CREATED, _A.PAY): _P.SUCCEEDED,
    (_P.CREATED, _A.CLOSE): _P.CLOSED,
    (_P.PENDING, _A.PAY): _P.SUCCEEDED,
    (_P.PENDING, _A.CLOSE): _P.CLOSED,
    (_P.CLOSED, _A.PAY): _P.SUCCEEDED,  # late money is real money; what it paid for decides what becomes of it
}


class RefundState(StrEnum):
    """退款状态. PROCESSING is accepted, not yet refunded; ABNORMAL waits for a person."""

    REQUESTED = "requested"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"
    ABNORMAL = "abnormal"


_R = RefundState
REFUND_TRANSITIONS: dict[RefundState, frozenset[RefundState]] = {
    _R.REQUESTED: frozenset({_R.PROCESSING, _R.SUCCEEDED, _R.CLOSED, _R.ABNORMAL}),
    _R.PROCESSING: frozenset({_R.SUCCEEDED, _R.CLOSED, _R.ABNORMAL}),
    _R.ABNORMAL: frozenset({_R.SUCCEEDED, _R.CLOSED}),
    _R.SUCCEEDED: frozenset(),
    _R.CLOSED: frozenset(),
}
# What counts against the paid amount: everything WeChat Pay has not finally refused.
REFUND_COUNTS = (_R.REQUESTED, _R.PROCESSING, _R.SUCCEEDED, _R.ABNORMAL)
REFUND_OPEN = (_R.REQUESTED, _R.PROCESSING)
REFUND_ASKED = (*REFUND_OPEN, _R.ABNORMAL)  # an abnormal one may still end well: the bank card route, the portal
REFUND_STUCK = (_R.ABNORMAL, _R.CLOSED)  # WeChat Pay gave up: a person has to act

FROM_PROVIDER: dict[str, RefundState] = {
    "PROCESSING": _R.PROCESSING,
    "SUCCESS": _R.SUCCEEDED,
    "CLOSED": _R.CLOSED,
    "ABNORMAL": _R.ABNORMAL,
}


class Verdict(StrEnum):
    """What we made of a notice. All of them are answered with success: our own evidence is stored."""

    PAID = "paid"
    DUPLICATE = "duplicate"
    NOT_PAID = "not_paid"
    UNKNOWN_ORDER = "unknown_order"
    WRONG_APP = "wrong_app"
    WRONG_MERCHANT = "wrong_merchant"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    OTHER_TRANSACTION = "other_transaction"
    REFUND_RECORDED = "refund_recorded"


# What headquarters reads.
PAYMENT_WORDS: dict[str, str] = {"created": "已创建", "pending": "待支付", "succeeded": "已支付", "closed": "已关闭"}
REFUND_WORDS: dict[str, str] = {
    "requested": "已申请",
    "processing": "处理中",
    "succeeded": "已退款",
    "abnormal": "退款异常",
    "closed": "退款关闭",
}
CHANNEL_WORDS: dict[str, str] = {"jsapi": "微信内", "h5": "手机浏览器", "native": "扫码"}
VERDICT_WORDS: dict[str, str] = {
    "": "没有处理完，会再次送达",
    Verdict.UNKNOWN_ORDER: "没有这个单号",
    Verdict.WRONG_APP: "公众号编号不符",
    Verdict.WRONG_MERCHANT: "商户号不符",
    Verdict.WRONG_AMOUNT: "金额不符",
    Verdict.WRONG_CURRENCY: "币种不符",
    Verdict.OTHER_TRANSACTION: "另一笔微信交易，同一单号",
}
HARMLESS = frozenset({Verdict.PAID, Verdict.DUPLICATE, Verdict.NOT_PAID, Verdict.REFUND_RECORDED})


@dataclass(frozen=True, slots=True)
class Claim:
    """The five values that make money ours, on either side of the comparison."""

    app_id: str
    mch_id: str
    number: str
    amount_fen: int | None
    currency: str | None


def compare(ours: Claim, theirs: Claim) -> Verdict | None:
    """The first thing that does not match, or None. `theirs` is what a signed message says."""
    if theirs.number != ours.number:
        return Verdict.UNKNOWN_ORDER
    if theirs.mch_id != ours.mch_id:
        return Verdict.WRONG_MERCHANT
    if theirs.app_id != ours.app_id:
        return Verdict.WRONG_APP
    if theirs.currency != ours.currency:
        return Verdict.WRONG_CURRENCY
    if theirs.amount_fen != ours.amount_fen:
        return Verdict.WRONG_AMOUNT
    return None


LAST_MOMENT = timedelta(seconds=60)  # WeChat Pay refuses a time_expire under one minute
TICKET_LIFE: dict[str, timedelta] = {  # by Method; a little less than WeChat Pay grants
    "jsapi": timedelta(minutes=110),
    "native": timedelta(minutes=110),
    "h5": timedelta(minutes=4),
}
# A closed order cannot be paid, says WeChat Pay. It is asked again all the same, this long after it was closed.
LOOKS_AFTER_CLOSING = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=25))
ABNORMAL_PAUSE = timedelta(hours=1)


def suggest_method(wechat: bool, desktop: bool) -> str:
    """How this client most likely pays: the bridge on a phone, a QR code on a desktop (also in WeChat for desktops)."""
    if desktop:
        return "native"
    return "jsapi" if wechat else "h5"


def may_begin(now: datetime, expires_at: datetime) -> bool:
    """Whether a new attempt still makes sense before the hold ends."""
    return expires_at - now >= LAST_MOMENT


def next_query(now: datetime, created_at: datetime) -> datetime:
    """When to ask WeChat Pay again: soon at first, then with growing patience, at most every ten minutes."""
    age = now - created_at
    pause = min(max(age / 2, timedelta(seconds=10)), timedelta(minutes=10))
    return now + pause


def look_after_closing(now: datetime, closed_at: datetime) -> datetime | None:
    """When to ask about a closed attempt again; None after the last look, from where on the nightly bill tells."""
    return next((closed_at + wait for wait in LOOKS_AFTER_CLOSING if closed_at + wait > now), None)


def next_refund_query(now: datetime, requested_at: datetime, state: str) -> datetime | None:
    """When to ask about this refund again; an abnormal one hourly, a finished one never."""
    if state in REFUND_OPEN:
        return next_query(now, requested_at)
    return now + ABNORMAL_PAUSE if state == RefundState.ABNORMAL else None
