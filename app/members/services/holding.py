"""Keeping an account what it is while something is written for it."""

from sqlalchemy import select

from app.core.db import db
from app.members import queries
from app.members.errors import AccountGone
from app.members.models import Member


def hold_member(member_id: int) -> None:
    """Nobody merges or erases this account until the caller's transaction ends. AccountGone when somebody did already.

    First in the house's order of locks, before campaigns and deals: merging and erasing lock the member first too.
    Many may hold one account at once; only merging and erasing wait.
    """
    held = select(Member).where(Member.id == member_id).with_for_update(read=True)
    member = db.session.scalar(held.execution_options(populate_existing=True))
    if member is None or not queries.is_living(member):
        raise AccountGone
