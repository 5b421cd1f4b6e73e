"""同意: what a person agreed to, word by word, and its withdrawal."""

import hashlib
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select, update

from app.core import audit, clock
from app.core.db import changed_rows, execute, insert_rows, table_of, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.members import rules
from app.members.models import Consent, Member, MemberAvatar

_consents = table_of(Consent)
_STANDING = select(_consents.c.id).where(
    *(_consents.c[name] == bindparam(name) for name in ("member_id", "purpose", "text_hash", "subject", "reference")),
    _consents.c.withdrawn_at.is_(None),
)
_GIVE = insert(_consents).returning(_consents.c.id)


def record_consent(
    member_id: int,
    purpose: str,
    text_version: str,
    text: str,
    subject: str = "",
    *,
    reference: str = "",
    now: datetime | None = None,
) -> int:
    """Keep that the member agreed to this text for this purpose; its id. A standing identical consent stays the one.

    `subject` says to whom or what it applies, e.g. a dealer's slug for `share_with_dealer`; `reference` for which one
    thing it was given (a booking's number, a place in a queue), so that withdrawing it leaves the others.
    """
    text_hash = hashlib.sha256(text.encode()).hexdigest()
    what = {
        "member_id": member_id, "purpose": purpose, "text_hash": text_hash, "subject": subject, "reference": reference,
    }  # fmt: skip
    with transaction():
        standing = execute(_STANDING, what).scalar()
        if standing is not None:
            return int(standing)
        given = {**what, "text_version": text_version, "given_at": now or clock.now()}
        consent_id = int(execute(_GIVE, given).scalar_one())
        audit.record(Actor("member", member_id), "consent_given", "consent", consent_id, purpose=purpose)
        return consent_id


class Agreed(NamedTuple):
    """One thing that was ticked, as `record_consent` takes it."""

    purpose: str
    text_version: str
    text: str
    subject: str = ""
    reference: str = ""


def record_new_consents(member_id: int, agreed: list[Agreed], now: datetime) -> None:
    """The same of several at once, for a thing that was numbered just now: nothing identical can stand already."""
    rows = [
        {
            "member_id": member_id, "purpose": one.purpose, "text_version": one.text_version,
            "text_hash": hashlib.sha256(one.text.encode()).hexdigest(), "subject": one.subject,
            "reference": one.reference, "given_at": now,
        }
        for one in agreed
    ]  # fmt: skip
    for consent_id, purpose in insert_rows(Consent, rows, ("id", "purpose")):
        audit.record(Actor("member", member_id), "consent_given", "consent", consent_id, purpose=purpose)


def withdraw_consent(member_id: int, consent_id: int, now: datetime, *, by: Actor | None = None) -> None:
    """Withdraw a consent from now on; what was done under it stays. Twice is as good as once. NotFound.

    `by` is who ended it where that was not the person: what it was given for is over.
    """
    with transaction() as session:
        consent = session.get(Consent, consent_id)
        if consent is None or consent.member_id != member_id:
            raise NotFound
        withdrawn = (
            update(Consent).where(Consent.id == consent_id, Consent.withdrawn_at.is_(None)).values(withdrawn_at=now)
        )
        if changed_rows(withdrawn) == 1:
            actor = by or Actor("member", member_id)
            audit.record(actor, "consent_withdrawn", "consent", consent_id, purpose=consent.purpose)
            if consent.purpose == rules.PROFILE:
                changed_rows(update(Member).where(Member.id == member_id).values(nickname=""))
                changed_rows(delete(MemberAvatar).where(MemberAvatar.member_id == member_id))
