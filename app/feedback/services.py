"""The write side of the feedback: a visitor writes, an operator answers and closes, a person is forgotten."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from app.core import audit, ids
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.feedback import queries, rules
from app.feedback.errors import AnswerUnfit, ContactWithoutConsent, FeedbackNotFound, TextUnfit
from app.feedback.models import Feedback
from app.feedback.rules import State


@dataclass(frozen=True, slots=True)
class Message:
    """What a visitor hands in. `key` is the form's own: the same one twice is one message."""

    kind: str
    text: str
    key: str
    page: str = ""
    request_id: str = ""
    contact: str = ""
    consented: bool = False


def send_feedback(
    actor: Actor, message: Message, now: datetime, *, topic: str = "", contact_allowed: bool = True
) -> str:
    """Keep a message and give its number. TextUnfit; ContactWithoutConsent: a way to call back needs its own tick.

    Without a word it is kept when its kind says enough about its page.

    Idempotent by the message's key: the same form sent twice is one message.
    """
    text, contact = rules.clean_text(message.text), rules.clean_contact(message.contact) if contact_allowed else ""
    silent = not text and not topic and rules.may_be_silent(message.kind, message.page)
    if not silent and not rules.MIN_TEXT <= len(text) <= rules.MAX_TEXT:
        raise TextUnfit
    if contact and not message.consented:
        raise ContactWithoutConsent
    kind = rules.TOPIC_KIND if topic else message.kind if message.kind in rules.KINDS else "other"
    row = Feedback(
        no=ids.number("F", now), kind=kind, text=text, page=rules.clean_page(message.page), topic=topic[:40],
        request_id=rules.clean_request_id(message.request_id), contact=contact[: rules.MAX_CONTACT],
        member_id=actor.id if actor.kind == "member" else None, consented_at=now if contact else None,
        idempotency_key=message.key, state=State.OPEN, created_at=now,
    )  # fmt: skip
    try:
        with transaction() as session:
            session.add(row)
            session.flush()
            audit.record(actor, "feedback_sent", "feedback", row.id)
            return row.no
    except IntegrityError:
        first = db.session.scalar(select(Feedback.no).where(Feedback.idempotency_key == message.key))
        if first is None:
            raise
        return first


def answer_feedback(actor: Actor, no: str, answer: str, now: datetime) -> None:
    """Write or correct the answer that the sender reads. AnswerUnfit, FeedbackNotFound."""
    _require_operator(actor)
    text = rules.clean_text(answer)
    if not 0 < len(text) <= rules.MAX_ANSWER:
        raise AnswerUnfit
    row = update(Feedback).where(Feedback.no == no)
    with transaction():
        changed = row.values(answer=text, answered_at=now, answered_by=actor.id, state=State.ANSWERED)
        if changed_rows(changed) == 0:
            raise FeedbackNotFound
        audit.record(actor, "feedback_answered", "feedback", queries.get_feedback(no).id)


def close_feedback(actor: Actor, no: str, now: datetime) -> None:
    """Put a message aside; closing twice is closing. FeedbackNotFound."""
    _set_state(actor, no, State.CLOSED, "feedback_closed")


def reopen_feedback(actor: Actor, no: str, now: datetime) -> None:
    """Take a closed message up again: answered when it has an answer, else open. FeedbackNotFound."""
    state = State.ANSWERED if queries.get_feedback(no).answer else State.OPEN
    _set_state(actor, no, state, "feedback_reopened")


def _set_state(actor: Actor, no: str, state: State, action: str) -> None:
    _require_operator(actor)
    with transaction():
        if changed_rows(update(Feedback).where(Feedback.no == no).values(state=state)) == 0:
            raise FeedbackNotFound
        audit.record(actor, action, "feedback", queries.get_feedback(no).id)


def _require_operator(actor: Actor) -> None:
    if actor.kind != "operator":
        raise NotAllowed


def erase_own(member_id: int, _now: datetime) -> None:
    """Delete what a person wrote: free text may say anything about them, and no law asks us to keep it."""
    with transaction():
        changed_rows(delete(Feedback).where(Feedback.member_id == member_id))


def reassign_own(from_id: int, to_id: int) -> None:
    """Give the messages of one member to another."""
    with transaction():
        changed_rows(update(Feedback).where(Feedback.member_id == from_id).values(member_id=to_id))
