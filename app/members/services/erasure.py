"""注销: a person is forgotten on request, after days to think it over and once nothing runs any more."""

from datetime import datetime

import structlog
from sqlalchemy import delete, select, update

from app.core import audit
from app.core.db import changed_rows, db, transaction
from app.core.security import SYSTEM, Actor
from app.members import privacy, queries, rules
from app.members.models import (
    Consent,
    ErasureRequest,
    LoginAttempt,
    Member,
    MemberAvatar,
    MergedRow,
    PhoneCode,
    WeChatIdentity,
)

log = structlog.get_logger(__name__)


def request_erasure(member_id: int, now: datetime) -> None:
    """Ask to be forgotten. Twice is as good as once; nothing is removed before the time to think it over has passed."""
    with transaction() as session:
        locked = select(Member.id).where(Member.id == member_id).with_for_update(key_share=True)
        session.execute(locked)
        if queries.find_erasure(member_id) is not None:
            return
        session.add(ErasureRequest(member_id=member_id, requested_at=now, due_at=now + rules.ERASURE_WAIT))
        audit.record(Actor("member", member_id), "erasure_requested", "member", member_id)


def withdraw_erasure(member_id: int, now: datetime) -> None:
    """Stay after all. Twice is as good as once."""
    standing = update(ErasureRequest).where(
        ErasureRequest.member_id == member_id,
        ErasureRequest.done_at.is_(None),
        ErasureRequest.withdrawn_at.is_(None),
    )
    with transaction():
        if changed_rows(standing.values(withdrawn_at=now)):
            audit.record(Actor("member", member_id), "erasure_withdrawn", "member", member_id)


def run_erasures(now: datetime) -> int:
    """Forget everybody whose time has come and for whom nothing runs any more; a failure stops nobody else."""
    due = list(
        db.session.scalars(
            select(ErasureRequest.member_id)
            .where(
                ErasureRequest.due_at <= now, ErasureRequest.done_at.is_(None), ErasureRequest.withdrawn_at.is_(None)
            )
            .order_by(ErasureRequest.due_at)
            .limit(100)
        )
    )
    db.session.rollback()
    done = 0
    for member_id in due:
        try:
            done += erase_all(member_id, now)
        except Exception:
            log.exception("erasure_failed", member_id=member_id)
            db.session.rollback()
    return done


def erase_all(member_id: int, now: datetime) -> bool:
    """Forget one person in every room, with the accounts that were joined to it; False while something still runs.

    What each room keeps, why and until when, it says in `privacy.keeps()`.
    """
    with transaction() as session:
        session.execute(select(Member.id).where(Member.id == member_id).with_for_update(key_share=True))
        request = queries.find_erasure(member_id)
        if request is None or request.due_at > now or privacy.blocks(member_id):
            return False
        accounts = [member_id, *queries.list_merged(member_id)]
        for account in accounts:
            for room, holder in privacy.holders().items():
                if room != "members":  # last: the others find their rows by its identities
                    holder.erase(account, now)
        for account in accounts:
            erase_own(account, now)
        request.done_at = now
        audit.record(SYSTEM, "member_erased", "member", member_id, accounts=len(accounts))
        return True


def erase_own(member_id: int, now: datetime) -> None:
    """Forget who a member was: names, phone, picture and WeChat identity go, every session ends.

    Consents stay as evidence of what was agreed, without anything that names the person.
    """
    with transaction():
        for table in (WeChatIdentity, MemberAvatar, PhoneCode, LoginAttempt):
            changed_rows(delete(table).where(table.member_id == member_id))
        # Whole rows that a merge had removed may hold words about the person; nothing is to be given back any more.
        theirs = queries.list_merge_ids(member_id)
        changed_rows(delete(MergedRow).where(MergedRow.merge_id.in_(theirs)))
        gone = update(Member).where(Member.id == member_id)
        changed_rows(
            gone.values(
                nickname="",
                name="",
                phone=None,
                phone_verified_at=None,
                erased_at=now,
                session_version=Member.session_version + 1,
            )
        )
        standing = update(Consent).where(Consent.member_id == member_id, Consent.withdrawn_at.is_(None))
        changed_rows(standing.values(withdrawn_at=now))
