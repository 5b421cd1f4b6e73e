"""Preview → redeemed: once, whoever taps, and the retry of a lost answer shows the same success."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from app.core.db import db, execute, in_transaction, retry_deadlock, table_of, transaction
from app.core.errors import DomainError
from app.core.security import Actor
from app.redemption import queries
from app.redemption.errors import Refused, ScannedIntoField, TicketStale, UnknownCode
from app.redemption.models import Redemption
from app.redemption.rules import is_living
from app.redemption.services.registry import BY_LETTER
from app.redemption.services.subjects import Done, Filled, Subject, refuse_own
from app.redemption.services.tickets import dealer_of, read_ticket
from app.redemption.services.tries import keep_failure

_ADD = insert(table_of(Redemption)).returning(table_of(Redemption).c.id)


class Redeemed(NamedTuple):
    """A redemption by its id, with what its receipt says where that need not be read again."""

    id: int
    line: queries.Line | None = None
    words: queries.Words | None = None


@retry_deadlock
def redeem(
    actor: Actor,
    ticket: str,
    nonce: str,
    now: datetime,
    *,
    secret: str,
    document: str = "",
    bill: str = "",
    phone_id: int | None = None,
) -> Redeemed:
    """Redeem what the ticket was written for, once. The same nonce gives the same id.

    A booking's open balance is recorded with the number of its `document`, a coupon with a threshold is judged by the
    `bill`. TicketStale, ScannedIntoField, every refusal of `preview` (somebody else may have acted since),
    DocumentWrong, DocumentUsed, BalanceSettled, BalanceEarly, BillMissing, BelowThreshold.
    """
    dealer_id, staff_id = dealer_of(actor), actor.id or 0
    if not nonce or len(nonce) > 40:
        raise TicketStale
    subject: Subject | None = None
    try:
        letter, reference = read_ticket(ticket, actor, now, secret)
        if is_living(document) or is_living(bill):
            raise ScannedIntoField
        subject = BY_LETTER[letter]
        found = subject.find(reference)
        if found is None:
            raise UnknownCode
        refuse_own(found, actor)
        subject.check(found, dealer_id, now)
        return _once(subject, found, Filled(document, bill), actor, nonce, now, phone_id)
    except IntegrityError:  # the one standing redemption for each subject, or this very nonce
        refusal = None
    except DomainError as exc:
        refusal = exc
    if not in_transaction():
        db.session.rollback()  # gives its connection back: what follows takes one of its own
    done = queries.find_by_nonce(staff_id, nonce)  # the answer of the first time was lost
    if done is not None:
        return Redeemed(done)
    told = _told(subject, ticket, actor, refusal, now, secret)
    if isinstance(told, Refused):
        keep_failure(actor, "confirm", told.code, now, phone_id)
    raise told


def _once(
    subject: Subject, found: Any, filled: Filled, actor: Actor, nonce: str, now: datetime, phone_id: int | None
) -> Redeemed:
    with transaction():
        done = subject.redeem(found, filled, actor, now)
        new_id: int = execute(_ADD, _row(subject, done, actor, nonce, now, phone_id)).scalar_one()
    line = queries.Line(
        new_id, subject.kind, done.subject_id, actor.id or 0, now, None, "", done.amount_fen, done.bill_fen
    )
    return Redeemed(new_id, line, subject.words(found))


def _row(subject: Subject, done: Done, actor: Actor, nonce: str, now: datetime, phone_id: int | None) -> dict[str, Any]:
    return {
        "subject_kind": subject.kind,
        "subject_id": done.subject_id,
        "dealer_id": actor.dealer_id,
        "staff_id": actor.id,
        "nonce": nonce,
        "previous_state": done.before,
        "redeemed_at": now,
        "amount_fen": done.amount_fen,
        "bill_fen": done.bill_fen,
        "phone_id": phone_id,
    }


def _told(
    subject: Subject | None, ticket: str, actor: Actor, refusal: DomainError | None, now: datetime, secret: str
) -> DomainError:
    """What the clerk reads: who was faster, or the reason as it stands now."""
    if refusal is not None and (subject is None or isinstance(refusal, Refused)):
        return refusal
    _letter, reference = read_ticket(ticket, actor, now, secret)
    found = subject.find(reference) if subject else None
    if subject is None or found is None:
        return UnknownCode()
    return subject.already(found) if refusal is None else subject.explain(found, refusal, dealer_of(actor), now)
