"""What is known about messages."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.core.clock import local
from app.core.db import db
from app.core.security import fingerprint
from app.members import queries as members
from app.messages import rules
from app.messages.models import Contact, Delivery, InboxMessage, NoticeConsent, NoticeTemplate, PushEvent, ReplyRule


def openid_digest(secret: str, openid: str) -> str:
    """Under what a person's contact and consents are kept."""
    return fingerprint(secret, "openid", openid)


def list_inbox(member_id: int, before: int | None = None, limit: int = rules.INBOX_PAGE) -> list[InboxMessage]:
    """A page of somebody's own messages, newest first, older than the message `before`."""
    own = select(InboxMessage).where(InboxMessage.member_id == member_id)
    if before is not None:
        own = own.where(InboxMessage.id < before)
    return list(db.session.scalars(own.order_by(InboxMessage.id.desc()).limit(limit)))


def count_unread(member_id: int) -> int:
    """How many messages this member has not seen."""
    unread = select(func.count()).where(InboxMessage.member_id == member_id, InboxMessage.read_at.is_(None))
    return db.session.scalar(unread) or 0


def find_template(purpose: str) -> NoticeTemplate | None:
    return db.session.get(NoticeTemplate, purpose)


def list_templates() -> dict[str, NoticeTemplate]:
    """The templates that are set, by purpose."""
    return {row.purpose: row for row in db.session.scalars(select(NoticeTemplate))}


def list_askable(purposes: tuple[str, ...]) -> dict[str, str]:
    """Purposes and their templates that a page may ask consent for: three templates at most (WeChat's, for one tap)."""
    known = list_templates()
    found = {purpose: known[purpose].template_id for purpose in purposes if purpose in known}
    few = list(dict.fromkeys(found.values()))[:3]
    return {purpose: template for purpose, template in found.items() if template in few}


def list_open_consents(member_id: int, secret: str) -> list[tuple[str, int]]:
    """What WeChat notices this person still allows: what they are about, and how many more may come."""
    digests = [openid_digest(secret, openid) for openid in members.list_openids(member_id)]
    open_ones = (
        select(NoticeConsent.template_id, func.count())
        .where(NoticeConsent.openid_digest.in_(digests), NoticeConsent.state == "open")
        .group_by(NoticeConsent.template_id)
    )
    titles: dict[str, list[str]] = {}
    for purpose, row in list_templates().items():
        titles.setdefault(row.template_id, []).append(rules.PURPOSES[purpose].title)
    return [("、".join(titles.get(template, ["其他通知"])), count) for template, count in db.session.execute(open_ones)]


def find_reply(kind: str, keyword: str) -> str | None:
    """The answer to a word, a menu key or a new follower: the same word first, then the one that is for everything."""
    wanted = select(ReplyRule).where(ReplyRule.kind == kind, ReplyRule.keyword.in_((keyword, "")))
    rows = {row.keyword: row.answer for row in db.session.scalars(wanted)}
    return rows.get(keyword) or rows.get("")


def list_reply_rules() -> list[ReplyRule]:
    return list(db.session.scalars(select(ReplyRule).order_by(ReplyRule.kind.desc(), ReplyRule.keyword)))


def list_deliveries(state: str = "", before: int | None = None, limit: int = 50) -> list[Delivery]:
    """What left the house or should, newest first."""
    rows = select(Delivery).order_by(Delivery.id.desc()).limit(limit)
    if state:
        rows = rows.where(Delivery.state == state)
    if before is not None:
        rows = rows.where(Delivery.id < before)
    return list(db.session.scalars(rows))


def count_deliveries() -> dict[str, int]:
    """How many in each state."""
    rows = db.session.execute(select(Delivery.state, func.count()).group_by(Delivery.state))
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class Account:
    """How the official account does."""

    followers: int
    open_consents: int
    events: int
    last_event_at: datetime | None


def read_account() -> Account:
    """The numbers above the list of deliveries."""
    events = db.session.execute(select(func.count(PushEvent.id), func.max(PushEvent.received_at))).one()
    return Account(
        db.session.scalar(select(func.count()).where(Contact.following.is_(True))) or 0,
        db.session.scalar(select(func.count()).where(NoticeConsent.state == "open")) or 0,
        events[0],
        events[1],
    )


def export_own(member_id: int, secret: str) -> dict[str, object]:
    """What this room keeps about a person, as plain values for the person's own copy."""
    digests = [openid_digest(secret, openid) for openid in members.list_openids(member_id)]
    consents = db.session.scalars(select(NoticeConsent).where(NoticeConsent.openid_digest.in_(digests)))
    contacts = db.session.scalars(select(Contact).where(Contact.openid_digest.in_(digests)))
    inbox = db.session.scalars(select(InboxMessage).where(InboxMessage.member_id == member_id))
    return {
        "messages": [
            {"title": row.title, "text": row.body, "at": local(row.created_at).isoformat(), "read": bool(row.read_at)}
            for row in inbox
        ],
        "notice_consents": [
            {"template": row.template_id, "state": row.state, "given_at": local(row.given_at).isoformat()}
            for row in consents
        ],
        "following": [{"following": row.following, "seen_at": local(row.seen_at).isoformat()} for row in contacts],
    }
