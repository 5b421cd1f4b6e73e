"""同意: what a person agreed to, word by word, and its withdrawal."""

import hashlib
from datetime import datetime

from sqlalchemy import delete, select, update

from app.core import audit, clock
from app.core.db import changed_rows, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.members import rules
from app.members.models import Consent, Member, MemberAvatar


def record_consent(
    member_id: int, purpose: str, text_version: str, text: str, subject: str = "", *, now: datetime | None = None
) -> Consent:
    """Keep that the member agreed to this text for this purpose; a standing identical consent is returned as it is.

    `subject` says to whom or what it applies, e.g. a dealer's slug for `share_with_dealer`.
    """
    text_hash = hashlib.sha256(text.encode()).hexdigest()
    with transaction() as session:
        standing = session.scalar(
            select(Consent).where(
                Consent.member_id == member_id,
                Consent.purpose == purpose,
                Consent.text_hash == text_hash,
                Consent.subject == subject,
                Consent.withdrawn_at.is_(None),
            )
        )
        if standing is not None:
            return standing
        consent = Consent(
            member_id=member_id,
            purpose=purpose,
            text_version=text_version,
            text_hash=text_hash,
            subject=subject,
            given_at=now or clock.now(),
        )
        session.add(consent)
        session.flush()
        audit.record(Actor("member", member_id), "consent_given", "consent", consent.id, purpose=purpose)
        return consent


def withdraw_consent(member_id: int, consent_id: int, now: datetime) -> None:
    """Withdraw a consent from now on; what was done under it stays. Twice is as good as once. NotFound."""
    with transaction() as session:
        consent = session.get(Consent, consent_id)
        if consent is None or consent.member_id != member_id:
            raise NotFound
        withdrawn = (
            update(Consent).where(Consent.id == consent_id, Consent.withdrawn_at.is_(None)).values(withdrawn_at=now)
        )
        if changed_rows(withdrawn) == 1:
            audit.record(
                Actor("member", member_id), "consent_withdrawn", "consent", consent_id, purpose=consent.purpose
            )
            if consent.purpose == rules.PROFILE:
                changed_rows(update(Member).where(Member.id == member_id).values(nickname=""))
                changed_rows(delete(MemberAvatar).where(MemberAvatar.member_id == member_id))
