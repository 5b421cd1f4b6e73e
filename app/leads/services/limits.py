"""The guard against spam: how much one person and one address may send."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text

from app.core.db import changed_rows, db, transaction
from app.leads import rules
from app.leads.errors import AddressBusy, TooManyEnquiries, TooManyMessages, TooManyOpen, WaitForCustomer
from app.leads.models import Lead, LeadMessage, LeadTry
from app.leads.queries.own import count_open

DAY = timedelta(days=1)


def count_try(member_id: int, address_digest: str, stores: int, now: datetime) -> None:
    """Count one more request, or refuse it. In the caller's transaction.

    TooManyEnquiries, TooManyOpen, AddressBusy.
    """
    _queue_up(f"lead-member:{member_id}", f"lead-address:{address_digest}")
    recent = select(func.count()).where(LeadTry.at > now - DAY)
    if _number(recent.where(LeadTry.member_id == member_id)) >= rules.PER_DAY:
        raise TooManyEnquiries
    if _number(recent.where(LeadTry.address_digest == address_digest)) >= rules.PER_ADDRESS_DAY:
        raise AddressBusy
    if count_open(member_id) + stores > rules.OPEN_AT_ONCE:
        raise TooManyOpen
    db.session.add(LeadTry(member_id=member_id, address_digest=address_digest, at=now))


def check_words(lead: Lead, side: str, now: datetime) -> None:
    """How much one side may say: the person thirty lines an hour, the store three without an answer.

    TooManyMessages, WaitForCustomer.
    """
    lines = select(func.count()).where(LeadMessage.lead_id == lead.id, LeadMessage.side == side)
    if side == "member":
        if _number(lines.where(LeadMessage.created_at > now - timedelta(hours=1))) >= rules.MEMBER_PER_HOUR:
            raise TooManyMessages
        return
    last = select(func.max(LeadMessage.id)).where(LeadMessage.lead_id == lead.id, LeadMessage.side == "member")
    if _number(lines.where(LeadMessage.id > func.coalesce(last.scalar_subquery(), 0))) >= rules.STORE_UNANSWERED:
        raise WaitForCustomer


def purge_tries(now: datetime) -> int:
    """Forget what only the limits needed."""
    with transaction():
        return changed_rows(delete(LeadTry).where(LeadTry.at < now - rules.TRY_LIFE))


def _number(statement: Any) -> int:
    return db.session.scalar(statement) or 0


def _queue_up(*names: str) -> None:
    """Let requests of one person or address count one after the other; SQLite writes one at a time anyway."""
    if db.session.get_bind().dialect.name != "postgresql":
        return
    for name in sorted(names):
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
