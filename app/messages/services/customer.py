"""客服消息: written to somebody who just did something, as often as WeChat's windows allow."""

from datetime import datetime

from sqlalchemy import update

from app.core import outbox
from app.core.db import changed_rows, transaction
from app.messages import queries, rules
from app.messages.models import Contact, Delivery
from app.messages.services.notices import CUSTOMER_TOPIC, first, secret


def say(openid: str, text: str, key: str, now: datetime, *, member_id: int | None = None) -> bool:
    """Write to a person within an open window, once for each `key`; False when no window is open.

    What cannot be sent is recorded as refused and never tried again: the window does not come back by waiting.
    """
    with transaction():
        row = Delivery(channel=rules.CUSTOMER, key=key, purpose="customer", member_id=member_id, created_at=now)
        if not first(row):
            return False
        if not _take_window(queries.openid_digest(secret(), openid), now):
            row.state, row.result, row.settled_at = "refused", "no_window", now
            return False
        payload = {"delivery_id": row.id, "openid": openid, "text": text[:600]}
        outbox.add(CUSTOMER_TOPIC, f"{CUSTOMER_TOPIC}:{row.id}", payload)
    return True


def _take_window(digest: str, now: datetime) -> bool:
    """Use up one message of a window: the longer one first."""
    for until, left in ((Contact.wrote_until, Contact.wrote_left), (Contact.tapped_until, Contact.tapped_left)):
        mine = update(Contact).where(Contact.openid_digest == digest, until > now, left > 0)
        if changed_rows(mine.values({left: left - 1})) == 1:
            return True
    return False
