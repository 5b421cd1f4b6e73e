"""Keeping an account what it is while something is written for it."""

from sqlalchemy import bindparam, select

from app.core.db import execute, table_of
from app.members import queries
from app.members.errors import AccountGone
from app.members.models import Member

_members = table_of(Member)
# Prepared: every booking runs it. The lock is shared, and a no-op on SQLite, where a write holds the file.
_HOLD = (
    select(_members.c.id)
    .where(_members.c.id == bindparam("member"), *queries.living())
    .with_for_update(read=True, of=_members)
)


_LOCK = (
    select(_members.c.id)
    .where(_members.c.id == bindparam("member"), *queries.living())
    .with_for_update(key_share=True, of=_members)
)


def hold_member(member_id: int) -> None:
    """Nobody merges or erases this account until the caller's transaction ends. AccountGone when somebody did already.

    First in the house's order of locks, before campaigns and deals: merging and erasing lock the member first too.
    Many may hold one account at once; only merging and erasing wait.
    """
    if execute(_HOLD, {"member": member_id}).first() is None:
        raise AccountGone


def lock_member(member_id: int) -> None:
    """The same alone: what one person does here is done one after the other. AccountGone."""
    if execute(_LOCK, {"member": member_id}).first() is None:
        raise AccountGone
