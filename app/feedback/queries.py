"""The read side of the feedback."""

from collections.abc import Sequence

from sqlalchemy import func, select

from app.core.clock import local
from app.core.db import db
from app.feedback.errors import FeedbackNotFound
from app.feedback.models import Feedback
from app.feedback.rules import KIND_WORDS, State

PAGE = 30


def count_by_state() -> dict[str, int]:
    """How many wait, are answered, are closed."""
    rows = db.session.execute(select(Feedback.state, func.count()).group_by(Feedback.state))
    counted = {row[0]: row[1] for row in rows}
    return {state: counted.get(state, 0) for state in State}


def list_inbox(state: str | None, text: str = "", offset: int = 0, limit: int = PAGE) -> Sequence[Feedback]:
    """What the back office reads, newest first; `text` is looked for in numbers, words, pages and topics."""
    wanted = select(Feedback).order_by(Feedback.id.desc()).offset(offset).limit(limit)
    if state:
        wanted = wanted.where(Feedback.state == state)
    if word := text.strip():
        wanted = wanted.where(
            Feedback.no.contains(word.upper(), autoescape=True)
            | Feedback.text.contains(word, autoescape=True)
            | Feedback.page.contains(word, autoescape=True)
            | Feedback.topic.contains(word, autoescape=True)
            | (Feedback.request_id == word)
        )
    return db.session.scalars(wanted).all()


def find_feedback(no: str) -> Feedback | None:
    return db.session.scalar(select(Feedback).where(Feedback.no == no).execution_options(populate_existing=True))


def get_feedback(no: str) -> Feedback:
    """One message by its number; FeedbackNotFound. The caller has proved that it may be read."""
    row = find_feedback(no)
    if row is None:
        raise FeedbackNotFound
    return row


def list_own(member_id: int, limit: int = 50) -> Sequence[Feedback]:
    """What a member wrote while signed in, newest first."""
    return db.session.scalars(
        select(Feedback).where(Feedback.member_id == member_id).order_by(Feedback.id.desc()).limit(limit)
    ).all()


def export_own(member_id: int) -> list[dict[str, object]]:
    """What this room keeps about a person, as plain values for the person's own copy."""
    return [
        {
            "no": row.no,
            "kind": KIND_WORDS.get(row.kind, row.kind),
            "text": row.text,
            "page": row.page,
            "topic": row.topic,
            "contact": row.contact,
            "consented_at": local(row.consented_at).isoformat() if row.consented_at else None,
            "state": row.state,
            "answer": row.answer,
            "created_at": local(row.created_at).isoformat(),
        }
        for row in list_own(member_id, limit=1000)
    ]
