"""What the headquarters sets: templates for the purposes, answers to words."""

from datetime import datetime

from sqlalchemy import delete, select

from app.core import audit
from app.core.db import changed_rows, db, transaction
from app.core.security import Actor
from app.messages import rules
from app.messages.errors import AnswerMissing, FieldsMissing, TemplateUnreadable
from app.messages.models import NoticeTemplate, ReplyRule


def set_template(purpose: str, template_id: str, fields: dict[str, str], actor: Actor, now: datetime) -> None:
    """Name the approved template of a purpose; an empty template_id takes it away.

    KeyError, TemplateUnreadable, FieldsMissing.
    """
    template_id = template_id.strip()
    if template_id and not rules.TEMPLATE_ID.fullmatch(template_id):
        raise TemplateUnreadable
    words = rules.PURPOSES[purpose].words
    kept = {word: fields[word].strip()[:32] for word in words if fields.get(word, "").strip()}
    if template_id and not kept:
        raise FieldsMissing
    with transaction() as session:
        row = session.get(NoticeTemplate, purpose)
        if not template_id:
            if row is not None:
                session.delete(row)
        elif row is None:
            session.add(NoticeTemplate(purpose=purpose, template_id=template_id, fields=kept, updated_at=now))
        else:
            row.template_id, row.fields, row.updated_at = template_id, kept, now
        audit.record(actor, "notice_template_set", "notice_template", None, purpose=purpose)


def set_reply(kind: str, keyword: str, answer: str, actor: Actor, now: datetime) -> None:
    """Set what is answered to a word, a menu key, or a new follower; the same word again replaces it. AnswerMissing."""
    keyword, answer = ("" if kind == "follow" else keyword.strip()[:64]), answer.strip()
    if not answer or len(answer) > 600:
        raise AnswerMissing
    with transaction() as session:
        row = session.scalar(select(ReplyRule).where(ReplyRule.kind == kind, ReplyRule.keyword == keyword))
        if row is None:
            session.add(ReplyRule(kind=kind, keyword=keyword, answer=answer, updated_at=now))
        else:
            row.answer, row.updated_at = answer, now
        audit.record(actor, "reply_set", "reply_rule", row.id if row else None, kind=kind)


def remove_reply(rule_id: int, actor: Actor) -> None:
    """Take an answer away. Twice is as good as once."""
    with transaction():
        if changed_rows(delete(ReplyRule).where(ReplyRule.id == rule_id)) == 1:
            audit.record(actor, "reply_removed", "reply_rule", rule_id)
    db.session.expire_all()
