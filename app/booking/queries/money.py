"""Where the money of a booking is, in words: every payment, every refund, every decision, with its time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from app.booking.models import Booking, BookingCase
from app.booking.rules import KIND, PICK_UP, BookingState
from app.booking.rules.cases import CASE_WAITING, CASE_WORDS, CaseKind, CaseState
from app.booking.rules.promises import BALANCE
from app.core.clock import say
from app.core.db import db
from app.core.money import format_yuan
from app.payments import queries as payments
from app.payments.models import Payment, Refund
from app.payments.rules import REFUND_COUNTS, RefundState

STORE = "store"
_R = RefundState
_WAITING: dict[str, str] = {
    _R.REQUESTED: "已申请退款，正在提交微信支付",
    _R.PROCESSING: "微信支付处理中，通常 1–3 个工作日到账",
    _R.ABNORMAL: "银行没有收下，我们正在人工处理，无需您操作",
    _R.CLOSED: "微信支付没有退成，我们正在人工处理，无需您操作",
}
HANDLED = "微信支付没有退成，已由人工办理"
TO_CARD = "已改退到您的银行卡"


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """One movement, as a line of a timeline: `state` is done, now or bad. `fen` is negative where it goes back."""

    what: str
    fen: int
    state: str
    time: str
    text: str

    @property
    def title(self) -> str:
        return f"{self.what} {format_yuan(abs(self.fen))}" if self.fen else self.what


@dataclass(frozen=True, slots=True)
class Money:
    """What came in, what went back, what is on its way, what is kept with us; and each movement."""

    lines: list[MoneyLine]
    paid_fen: int
    returned_fen: int
    returning_fen: int
    sentence: str
    allowance_fen: int = 0  # given back, or on its way, while the booking goes on: the price is less by it

    @property
    def kept_fen(self) -> int:
        return self.paid_fen - self.returned_fen - self.returning_fen


def get_money(booking: Booking) -> Money:
    """Everything that moved for this booking, the oldest first."""
    paid = [p for kind in (KIND, BALANCE) for p in payments.list_succeeded(kind, booking.id)]
    back = [r for kind in (KIND, BALANCE) for r in payments.list_refunds(kind, booking.id)]
    cases = list_cases(booking.id)
    dated = [*_paid_lines(booking, paid), *_refund_lines(back), *_case_lines(cases)]
    lines = [line for _, line in sorted(dated, key=lambda pair: pair[0])]
    in_store = booking.balance_fen if booking.balance_channel == STORE else 0
    by_hand = sum(c.amount_fen or 0 for c in cases if (c.kind, c.state) == (CaseKind.STORE_RETURN, CaseState.SETTLED))
    done = sum(r.amount_fen for r in back if r.state == _R.SUCCEEDED or r.handled_at is not None)
    waiting = sum(r.amount_fen for r in back if r.state in REFUND_COUNTS or r.state == _R.CLOSED) - done
    owed_in_store = in_store if any(_owes(case) for case in cases) else 0
    total = sum(p.amount_fen for p in paid) + in_store
    returned, returning = done + by_hand, waiting + owed_in_store
    money = Money(lines, total, returned, returning, "", _allowance(booking, total - returned - returning))
    return replace(money, sentence=_sentence(booking, money))


def list_cases(booking_id: int) -> Sequence[BookingCase]:
    """What headquarters was asked about this booking, the oldest first."""
    return db.session.scalars(
        select(BookingCase).where(BookingCase.booking_id == booking_id).order_by(BookingCase.id)
    ).all()


def returned_words(refund: Refund) -> str:
    """Which way the money went that WeChat Pay gave back: the way it came, or to the card it was sent to instead."""
    return TO_CARD if refund.reapplied_at else "已原路退回"


def by_hand_words(refund: Refund) -> str:
    """What became of a refund that WeChat Pay did not make: what the person who settled it wrote for the customer."""
    said = (refund.handled_reason or "").strip().rstrip("。")
    return f"{HANDLED}{f'：{said}' if said else ''}。如没有收到请联系我们"


def _owes(case: BookingCase) -> bool:
    return case.kind == CaseKind.STORE_RETURN and case.state == CaseState.OPEN


def _allowance(booking: Booking, kept_fen: int) -> int:
    """What of the price that was paid is back with the person, or on its way, though the car is theirs or will be.

    Money that came twice and went back once is no allowance: what is due is still with us.
    """
    if booking.state not in (*PICK_UP, BookingState.HANDED_OVER):
        return 0
    due = booking.earnest_fen + (booking.balance_fen if booking.balance_paid_at is not None else 0)
    return max(due - kept_fen, 0)


def _sentence(booking: Booking, money: Money) -> str:
    """The answer to "where is my money", in one line; a second one where the price is less than it was."""
    if money.paid_fen == 0:
        return "还没有付款。"
    parts = [f"已付 {format_yuan(money.paid_fen)}"]
    if money.returned_fen:
        parts.append(f"已退 {format_yuan(money.returned_fen)}")
    if money.returning_fen:
        parts.append(f"退款中 {format_yuan(money.returning_fen)}")
    if money.kept_fen > 0:
        parts.append(f"{_kept_words(booking)} {format_yuan(money.kept_fen)}")
    sentence = "，".join(parts) + "。"
    if money.allowance_fen:
        price = format_yuan(booking.total_fen - money.allowance_fen)
        sentence += f"退款的 {format_yuan(money.allowance_fen)} 不用补交，全部车款因此为 {price}。"
    return sentence


def _kept_words(booking: Booking) -> str:
    if booking.state == BookingState.HANDED_OVER:
        return "已转为车款"
    return "按条款不予退还" if booking.state == BookingState.FORFEITED else "为您保管，提车时抵车款"


def _paid_lines(booking: Booking, paid: Sequence[Payment]) -> list[tuple[datetime, MoneyLine]]:
    lines: list[tuple[datetime, MoneyLine]] = []
    for payment in paid:
        at = payment.paid_at or payment.succeeded_at or payment.created_at
        title = f"支付{'余款' if payment.payable_kind == BALANCE else booking.earnest_kind}"
        text = f"微信支付，单号 {payment.out_trade_no}"
        lines.append((at, MoneyLine(title, payment.amount_fen, "done", say(at), text)))
    if booking.balance_channel == STORE and booking.balance_paid_at is not None:
        at, text = booking.balance_paid_at, f"到店支付，收款单据号 {booking.balance_document}"
        lines.append((at, MoneyLine("支付余款", booking.balance_fen, "done", say(at), text)))
    return lines


def _refund_lines(back: Sequence[Refund]) -> list[tuple[datetime, MoneyLine]]:
    return [(refund.requested_at, _refund_line(refund)) for refund in back]


def refund_words(refund: Refund) -> str:
    """Where a refund stands, whatever became of it: WeChat Pay made it, a person did, or it is still to come."""
    if refund.state == _R.SUCCEEDED:
        return f"{returned_words(refund)}，{'以银行入账为准' if refund.reapplied_at else '可在微信支付账单查看'}"
    if refund.handled_at is not None:
        return by_hand_words(refund)
    if refund.state == _R.ABNORMAL and refund.reapplied_at:
        return f"{TO_CARD}，等待银行入账"
    return _WAITING[refund.state]


def refund_moment(refund: Refund) -> datetime:
    """When it came to what it is now: made, settled by hand, or asked for."""
    if refund.state == _R.SUCCEEDED:
        return refund.settled_at or refund.requested_at
    return refund.handled_at or refund.requested_at


def _refund_line(refund: Refund) -> MoneyLine:
    state = "now"
    if refund.state == _R.SUCCEEDED or refund.handled_at is not None:
        state = "done"
    elif refund.state == _R.CLOSED or (refund.state == _R.ABNORMAL and not refund.reapplied_at):
        state = "bad"
    text = f"{refund.reason}：{refund_words(refund)}。退款单号 {refund.out_refund_no}"
    return MoneyLine("退款", -refund.amount_fen, state, say(refund_moment(refund)), text)


def _case_lines(cases: Sequence[BookingCase]) -> list[tuple[datetime, MoneyLine]]:
    return [(case.settled_at or case.opened_at, _case_line(case)) for case in cases]


def _case_line(case: BookingCase) -> MoneyLine:
    title = CASE_WORDS[case.kind]
    if case.state == CaseState.OPEN:
        return MoneyLine(title, 0, "now", say(case.opened_at), CASE_WAITING[case.kind])
    at = say(case.settled_at or case.opened_at)
    if case.state == CaseState.REFUSED:
        return MoneyLine(title, 0, "bad", at, f"总部答复：{case.answer}")
    by_hand = case.kind in (CaseKind.DOUBLE_RETURN, CaseKind.STORE_RETURN)
    document = f"，付款单据号 {case.document}" if case.document else ""
    if case.settled_by_kind == "staff":
        return MoneyLine(
            title, -(case.amount_fen or 0), "done", at, f"{case.answer.rstrip('。')}，退款凭据号 {case.document}"
        )
    return MoneyLine(
        title,
        -(case.amount_fen or 0) if by_hand else 0,
        "done",
        at,
        f"总部答复：{case.answer.rstrip('。')}{document}" if document else f"总部答复：{case.answer}",
    )
