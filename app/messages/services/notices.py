"""通知: one call writes to the person's own list and leaves the house where a consent allows it."""

from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, String, literal_column, select, update
from sqlalchemy.exc import IntegrityError

from app.core import audit, outbox
from app.core.db import changed_rows, db, insert_new_and_ask, transaction
from app.core.security import Actor
from app.members import queries as members
from app.messages import queries, rules
from app.messages.models import Delivery, InboxMessage, NoticeConsent, NoticeTemplate, PushEvent

log = structlog.get_logger(__name__)
NOTICE_TOPIC, SMS_TOPIC, CUSTOMER_TOPIC = "notice", "notice_sms", "customer_message"
_account: dict[str, str] = {}
# In words, because SQLAlchemy writes RETURNING without the names of tables.
_ITS_TEMPLATE: ColumnElement[str | None] = literal_column(
    "(SELECT template.purpose FROM notice_templates AS template WHERE template.purpose = inbox_messages.purpose)",
    String,
)


def use_account(app_id: str, secret: str, page: str) -> None:
    """Whose openids count, what digests them, and the shop's address; said once by the room's `register`."""
    _account.update(app_id=app_id, secret=secret, page=page.rstrip("/"))


def app_id() -> str:
    """The official account that this shop belongs to."""
    return _account["app_id"]


def secret() -> str:
    """What openids are digested with."""
    return _account["secret"]


def notify(member_id: int, purpose: str, key: str, data: dict[str, str], now: datetime, *, href: str = "") -> bool:
    """Tell a member something, once for each `key`; False when it was told before. Joins the caller's transaction.

    `data` holds the words of the purpose (rules.PURPOSES). The member's own list always gets it. A subscription notice
    goes out if a template is set and an unused consent stands, a text message if the purpose is worth one.
    """
    title, body = rules.say(purpose, data)
    with transaction():
        row = {
            "member_id": member_id,
            "purpose": purpose,
            "key": key,
            "title": title,
            "body": body,
            "href": href,
            "created_at": now,
        }
        told = insert_new_and_ask(InboxMessage, "key", row, _ITS_TEMPLATE)
        if told is None:
            return False
        if told[1] is not None:
            _subscribe_notice(member_id, purpose, key, data, href, now)
        if rules.PURPOSES[purpose].sms:
            _text_message(member_id, purpose, key, data, now)
    return True


def first(row: InboxMessage | Delivery | PushEvent) -> bool:
    """Insert a row whose key may stand already; False if it does."""
    try:
        with db.session.begin_nested():
            db.session.add(row)
    except IntegrityError:
        return False
    return True


def _subscribe_notice(member_id: int, purpose: str, key: str, data: dict[str, str], href: str, now: datetime) -> None:
    template = queries.find_template(purpose)
    openid = members.find_openid(member_id, app_id()) if template else None
    if template is None or openid is None:
        return
    digest = queries.openid_digest(secret(), openid)
    if not use_consent(digest, template.template_id, key, now):
        return
    _queue_notice(template, member_id, key, data, href, now)


def _queue_notice(
    template: NoticeTemplate, member_id: int, key: str, data: dict[str, str], href: str, now: datetime
) -> None:
    row = Delivery(
        channel=rules.SUBSCRIBE,
        key=key,
        purpose=template.purpose,
        member_id=member_id,
        template_id=template.template_id,
        created_at=now,
    )
    if not first(row):
        return
    values = rules.template_values(template.fields, data)
    page = f"{_account['page']}{href}" if href else ""
    outbox.add(NOTICE_TOPIC, f"{NOTICE_TOPIC}:{row.id}", {"delivery_id": row.id, "page": page, "values": values})


def use_consent(openid_digest: str, template_id: str, key: str, now: datetime) -> bool:
    """Take one unused consent for the message `key`, or learn that there is none. One consent pays for one message."""
    while True:
        oldest = db.session.scalar(
            select(NoticeConsent.id)
            .where(
                NoticeConsent.openid_digest == openid_digest,
                NoticeConsent.template_id == template_id,
                NoticeConsent.state == "open",
            )
            .order_by(NoticeConsent.id)
            .limit(1)
        )
        if oldest is None:
            return False
        taken = update(NoticeConsent).where(NoticeConsent.id == oldest, NoticeConsent.state == "open")
        if changed_rows(taken.values(state="used", used_by=key, closed_at=now)) == 1:
            return True


def _text_message(member_id: int, purpose: str, key: str, data: dict[str, str], now: datetime) -> None:
    member = members.find_member(member_id)
    if member is None or member.phone is None or member.phone_verified_at is None or not _account["texts"]:
        return
    row = Delivery(channel=rules.SMS, key=key, purpose=purpose, member_id=member_id, created_at=now)
    if not first(row):
        return
    words = [rules.PURPOSES[purpose].title, *(rules.clipped(data[word], 30) for word in rules.TEXT_WORDS)]
    outbox.add(SMS_TOPIC, f"{SMS_TOPIC}:{row.id}", {"delivery_id": row.id, "phone": member.phone, "words": words})


def use_text_messages(approved: bool) -> None:
    """Whether the provider knows an approved text for notices (settings SMS_TEMPLATE_NOTICE)."""
    _account["texts"] = "yes" if approved else ""


def consent_given(openid_digest: str, template_id: str, now: datetime) -> None:
    """The person tapped 允许: one more message of this template may be sent."""
    with transaction() as session:
        session.add(NoticeConsent(openid_digest=openid_digest, template_id=template_id, given_at=now))


def consents_withdrawn(openid_digest: str, template_id: str | None, now: datetime) -> int:
    """Whatever is unused is void: the person refused this template, or (None) left the account."""
    standing = update(NoticeConsent).where(NoticeConsent.openid_digest == openid_digest, NoticeConsent.state == "open")
    if template_id is not None:
        standing = standing.where(NoticeConsent.template_id == template_id)
    with transaction():
        return changed_rows(standing.values(state="withdrawn", closed_at=now))


def withdraw_own_consents(member_id: int, now: datetime) -> int:
    """The person takes back every WeChat notice they allowed and that was not sent; how many. Audited."""
    with transaction():
        closed = sum(
            consents_withdrawn(queries.openid_digest(secret(), openid), None, now)
            for openid in members.list_openids(member_id)
        )
        if closed:
            audit.record(Actor("member", member_id), "notice_consents_withdrawn", "member", member_id, number=closed)
    return closed


def read_inbox(member_id: int, up_to: int, now: datetime) -> None:
    """The member has seen the messages up to this one."""
    unread = update(InboxMessage).where(
        InboxMessage.member_id == member_id, InboxMessage.read_at.is_(None), InboxMessage.id <= up_to
    )
    with transaction():
        changed_rows(unread.values(read_at=now))
