"""Whom an account's things belong to, after any number of merges."""

from datetime import datetime

from sqlalchemy import select

from app.core.db import db
from app.members.errors import AccountGone
from app.members.models import Member
from app.members.services.holding import lock_member


def living_account(member_id: int) -> int | None:
    """The account this one was joined to, and that one to another; itself if to none. None: that one was erased.

    Ends always: an account is joined only to a living one, and is none from then on.
    """
    account = member_id
    while (found := _look(account)) is not None:
        if found[0] is None:
            return account if found[1] is None else None
        account = found[0]
    return None


def _look(member_id: int) -> tuple[int | None, datetime | None] | None:
    asked = select(Member.merged_into_id, Member.erased_at).where(Member.id == member_id)
    row = db.session.execute(asked).first()
    return None if row is None else (row[0], row[1])


def hold_heir(member_id: int) -> int:
    """Lock (`lock_member`) the living account of whoever had this one, also when it is joined at this very moment.

    AccountGone only of a person who was erased. In the caller's transaction, first of its locks; alone, since what they
    get (`claim_coupon`) locks them alone as well, and two who share a lock cannot both have more of it.
    """
    while (heir := living_account(member_id)) is not None:
        try:
            lock_member(heir)
        except AccountGone:  # joined or erased since it was read: the next look says which
            continue
        return heir
    raise AccountGone
