"""What a person may ask of their messages: to be forgotten, or to take them along to another account."""

from datetime import datetime

from sqlalchemy import delete, update

from app.core.db import changed_rows, transaction
from app.members import queries as members
from app.messages import queries
from app.messages.models import Contact, Delivery, InboxMessage, NoticeConsent
from app.messages.services.notices import secret


def erase_own(member_id: int, _now: datetime) -> None:
    """The person's own list goes, and what we remember of their WeChat; deliveries stay as counts without a person."""
    digests = [queries.openid_digest(secret(), openid) for openid in members.list_openids(member_id)]
    with transaction():
        changed_rows(delete(InboxMessage).where(InboxMessage.member_id == member_id))
        changed_rows(delete(NoticeConsent).where(NoticeConsent.openid_digest.in_(digests)))
        changed_rows(delete(Contact).where(Contact.openid_digest.in_(digests)))
        changed_rows(update(Delivery).where(Delivery.member_id == member_id).values(member_id=None))


def reassign_own(from_id: int, to_id: int) -> None:
    """The list and its deliveries follow the person; consents hang on the WeChat identity and follow by themselves."""
    with transaction():
        for table in (InboxMessage, Delivery):
            changed_rows(update(table).where(table.member_id == from_id).values(member_id=to_id))


def export_own(member_id: int) -> dict[str, object]:
    """The person's own copy of what this room keeps."""
    return queries.export_own(member_id, secret())
