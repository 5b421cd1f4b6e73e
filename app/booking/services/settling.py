"""Headquarters decides: a case is settled with an amount or refused with an answer, once, and the money follows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.booking.errors import CannotNow, CaseClosed, CaseProblem, CaseWordsMissing
from app.booking.models import Booking, BookingCase
from app.booking.rules import KIND, BookingAction, BookingState, state_words
from app.booking.rules.cases import (
    CASE_STATE_WORDS,
    MAX_DOCUMENT,
    MAX_WORDS,
    MIN_WORDS,
    CaseKind,
    CaseState,
    Deed,
    Purse,
    judge,
)
from app.booking.rules.promises import BALANCE
from app.booking.services import book, cases, money
from app.booking.services.change import Change, lock_booking, move, tell
from app.core import audit
from app.core.clock import say
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.money import format_yuan
from app.core.security import Actor
from app.payments.services import refunds
from app.payments.services.settlement import lock_payment


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the form says. `amount_fen` is all that goes back by it; `ends`: the booking is over, else it goes on."""

    amount_fen: int
    answer: str
    document: str = ""
    ends: bool = False


@retry_deadlock
def settle(operator: Actor, case_id: int, verdict: Verdict, now: datetime) -> None:
    """Decide a case; its money is on its way when this returns. The same form twice is as good as once.

    NotAllowed, NotFound, CaseWordsMissing, CaseClosed, CaseProblem (what is wrong with the amount or the document).
    """
    answer, document = _words(verdict.answer), " ".join(verdict.document.split())[:MAX_DOCUMENT]
    with transaction():
        case, booking = _lock(operator, case_id)
        if _said(case, operator, CaseState.SETTLED, answer, verdict.amount_fen, now):
            return
        deed, problem = judge(case.kind, purse_of(booking), verdict.amount_fen, ends=verdict.ends, document=document)
        if deed is None:
            raise CaseProblem(problem)
        case.document = document
        _close(case, operator, CaseState.SETTLED, answer, verdict.amount_fen, now)
        _do(deed, case, booking, operator, now)


@retry_deadlock
def refuse(operator: Actor, case_id: int, answer: str, now: datetime) -> None:
    """Say no, with the answer the customer reads. The same form twice is as good as once.

    NotAllowed, NotFound, CaseWordsMissing, CaseClosed, CaseProblem (a balance that the store owes is not refused).
    """
    answer = _words(answer)
    with transaction():
        case, booking = _lock(operator, case_id)
        if _said(case, operator, CaseState.REFUSED, answer, None, now):
            return
        if case.kind == CaseKind.STORE_RETURN:
            raise CaseProblem("门店收的余款必须退还，不能驳回。")
        _close(case, operator, CaseState.REFUSED, answer, None, now)
        tell(booking.id, "case_settled", operator, now, answer[:120])


def purse_of(booking: Booking) -> Purse:
    """The money of this booking that is still here."""
    earnest, balance = money.owed_fen(booking.id, KIND), money.owed_fen(booking.id, BALANCE)
    in_store = booking.balance_fen if booking.balance_channel == cases.STORE else 0
    return Purse(booking.earnest_kind, booking.state, booking.earnest_fen, earnest, balance, in_store)


def _words(answer: str) -> str:
    answer = " ".join(answer.split())[:MAX_WORDS]
    if len(answer) < MIN_WORDS:
        raise CaseWordsMissing
    return answer


def _lock(operator: Actor, case_id: int) -> tuple[BookingCase, Booking]:
    """The case and its booking, the booking locked first."""
    if operator.kind != "operator":
        raise NotAllowed
    booking_id = db.session.scalar(select(BookingCase.booking_id).where(BookingCase.id == case_id))
    if booking_id is None:
        raise NotFound
    booking = lock_booking(booking_id)
    wanted = select(BookingCase).where(BookingCase.id == case_id).with_for_update(of=BookingCase)
    return db.session.scalars(wanted.execution_options(populate_existing=True)).one(), booking


def _said(
    case: BookingCase, operator: Actor, state: CaseState, answer: str, amount_fen: int | None, now: datetime
) -> bool:
    """Whether this very decision stands already; CaseClosed for another one."""
    if case.state == CaseState.OPEN:
        return False
    stands = (case.state, case.settled_by_kind, case.settled_by, case.answer, case.amount_fen)
    if stands == (state, operator.kind, operator.id, answer, amount_fen):
        return True
    raise CaseClosed(CASE_STATE_WORDS[case.state], say(case.settled_at or now))


def _close(
    case: BookingCase, operator: Actor, state: CaseState, answer: str, amount_fen: int | None, now: datetime
) -> None:
    case.state, case.answer, case.amount_fen = state, answer, amount_fen
    case.settled_at, case.settled_by, case.settled_by_kind = now, operator.id, operator.kind
    db.session.flush()
    audit.record(
        operator,
        f"booking_case_{state}",
        "booking_case",
        case.id,
        booking_id=case.booking_id,
        case=case.kind,
        amount_fen=amount_fen,
        document=case.document,
    )


def _do(deed: Deed, case: BookingCase, booking: Booking, operator: Actor, now: datetime) -> None:
    code, amount = f"case-{case.id}", case.amount_fen or 0
    match deed:
        case Deed.PAY_OUT:
            note = f"{format_yuan(amount)} 已支付，单据号 {case.document}"
            tell(booking.id, "case_settled", operator, now, note[:120])
            if case.kind == CaseKind.STORE_RETURN:
                money.finish(booking.id, now)
                book.went_back(booking, amount, operator, now)
        case Deed.REFUND:
            _send(booking.id, amount, code, now)
            tell(booking.id, "case_settled", operator, now, f"{format_yuan(amount)} 将原路退回：{case.answer}"[:120])
        case Deed.END:
            total = money.owed_fen(booking.id)
            step = Change(BookingAction.GIVE_BACK, "given_back", f"{format_yuan(total)} 将原路退回")
            _move(booking, step, operator, now)
            money.return_all(booking.id, code, "总部决定退款", now)
        case Deed.FORFEIT:
            note = f"{format_yuan(amount)} 将原路退回：{case.answer}" if amount else case.answer
            _move(booking, Change(BookingAction.FORFEIT, "forfeited", note[:120]), operator, now)
            _send(booking.id, amount, code, now, keep_fen=money.owed_fen(booking.id) - amount)
            cases.owe_store_balance(booking.id, now)


def _move(booking: Booking, step: Change, operator: Actor, now: datetime) -> None:
    if not move(booking, step, operator, now):
        raise CannotNow(state_words(BookingState(booking.state), booking.earnest_kind))


def _send(booking_id: int, fen: int, code: str, now: datetime, *, keep_fen: int = 0) -> None:
    """Ask for the refund of so much, from the earnest money first; what is kept stays of the earnest money."""
    for payment_id, left in money.owed(booking_id):
        kept = min(keep_fen, left)
        part = min(left - kept, fen)
        keep_fen, fen = keep_fen - kept, fen - part
        if part > 0:
            refunds.request_refund(lock_payment(payment_id), part, code, "总部决定退款", now)
