"""退余款: the store that took a balance says that it gave it back, with the number of its voucher."""

from datetime import datetime

from sqlalchemy import select

from app.booking.errors import CannotNow, CaseClosed, DocumentWrong, LeadOnly
from app.booking.models import Booking, BookingCase
from app.booking.rules import state_words
from app.booking.rules.cases import CASE_STATE_WORDS, CaseKind, CaseState
from app.booking.rules.promises import LEADING, clean_document, document_problem
from app.booking.services import book, money
from app.booking.services.change import tell
from app.booking.services.progress import Outcome, lock_own
from app.core import audit
from app.core.clock import say
from app.core.db import db, retry_deadlock, transaction
from app.core.money import format_yuan
from app.core.security import Actor

ANSWER = "门店已退还"


@retry_deadlock
def record_return(actor: Actor, no: str, document: str, now: datetime) -> Outcome:
    """A leading person of the store settles its own 门店退余款, whole and once; headquarters sees who and when.

    NotFound, LeadOnly, DocumentWrong, CannotNow (nothing is owed), CaseClosed (settled with another voucher).
    """
    document = clean_document(document)
    if actor.role not in LEADING:
        raise LeadOnly
    with transaction():
        booking = lock_own(actor, no)
        _check_document(booking, document)
        case = _lock_case(booking.id)
        if case is None:
            raise CannotNow(state_words(booking.state, booking.earnest_kind))
        if case.state != CaseState.OPEN:
            if case.document != document:
                raise CaseClosed(CASE_STATE_WORDS[case.state], say(case.settled_at or now))
            return Outcome(False, "", say(case.settled_at or now))
        case.state, case.answer, case.document, case.amount_fen = (
            CaseState.SETTLED, ANSWER, document, booking.balance_fen,
        )  # fmt: skip
        case.settled_at, case.settled_by, case.settled_by_kind = now, actor.id, actor.kind
        db.session.flush()
        audit.record(
            actor, "booking_case_settled", "booking_case", case.id,
            booking_id=booking.id, case=case.kind, amount_fen=case.amount_fen, document=document,
        )  # fmt: skip
        note = f"{format_yuan(booking.balance_fen)}，退款凭据号 {document}"
        tell(booking.id, "store_returned", actor, now, note)
        fen = booking.balance_fen
        money.finish(booking.id, now)
        book.went_back(booking, fen, actor, now)
        return Outcome(first=True)


def _check_document(booking: Booking, document: str) -> None:
    if not document:
        raise DocumentWrong("请填写退款凭据号（退款收据或转账回单上的号码）。")
    if (problem := document_problem(document)) is not None:
        raise DocumentWrong(problem)
    if document == booking.balance_document:
        raise DocumentWrong("这是收款时的单据号，请填写退款凭据的号码。")


def _lock_case(booking_id: int) -> BookingCase | None:
    wanted = select(BookingCase).where(BookingCase.booking_id == booking_id, BookingCase.kind == CaseKind.STORE_RETURN)
    return db.session.scalar(
        wanted.order_by(BookingCase.id.desc())
        .limit(1)
        .with_for_update(of=BookingCase)
        .execution_options(populate_existing=True)
    )
