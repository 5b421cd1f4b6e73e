"""How people come to act for a store and how they stop."""

from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError

from app.core import audit, ids
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.members.errors import MergeRefused
from app.staff import queries, rules
from app.staff.errors import (
    AlreadyStaff,
    InvitationExpired,
    InvitationInvalid,
    InvitationUsed,
    NameMissing,
    NotYourTeam,
    RoleUnknown,
)
from app.staff.models import CounterPhone, StaffInvitation, StaffMember


def invite_staff(dealer_id: int, name: str, role: str, actor: Actor, now: datetime) -> tuple[StaffInvitation, str]:
    """Make an invitation link's token, good once and for three days; only this answer ever holds it.

    Headquarters may invite anybody, a 店长 or 经销商管理员 lower ranks of the own store. NotYourTeam, NotFound.
    """
    name = name.strip()
    if not name or len(name) > 40:
        raise NameMissing
    if role not in rules.ROLES:
        raise RoleUnknown
    if not rules.may_manage(actor.kind, actor.role, role, same_dealer=actor.dealer_id == dealer_id):
        raise NotYourTeam
    raw_token = ids.token(16)
    with transaction() as session:
        queries.dealer_name(dealer_id)
        invitation = StaffInvitation(
            token_digest=queries.token_digest(raw_token),
            dealer_id=dealer_id,
            name=name,
            role=role,
            created_at=now,
            expires_at=now + rules.INVITATION_LIFE,
        )
        session.add(invitation)
        session.flush()
        audit.record(actor, "staff_invited", "staff_invitation", invitation.id, dealer_id=dealer_id, role=role)
    return invitation, raw_token


def withdraw_invitation(invitation_id: int, actor: Actor, now: datetime) -> None:
    """The link is good no more. Twice is as good as once, and whoever came first has joined. NotYourTeam, NotFound."""
    with transaction() as session:
        invitation = session.get(StaffInvitation, invitation_id)
        if invitation is None:
            raise NotFound
        own = actor.dealer_id == invitation.dealer_id
        if actor.kind == "staff" and not own:
            raise NotFound
        if not rules.may_manage(actor.kind, actor.role, invitation.role, same_dealer=own):
            raise NotYourTeam
        mine = StaffInvitation.id == invitation_id
        if _end_links(mine, now) == 1:
            audit.record(
                actor, "invitation_withdrawn", "staff_invitation", invitation_id, dealer_id=invitation.dealer_id
            )


def _end_links(whose: ColumnElement[bool], now: datetime) -> int:
    still = StaffInvitation.accepted_at.is_(None), StaffInvitation.expires_at > now
    return changed_rows(update(StaffInvitation).where(whose, *still).values(expires_at=now))


def accept_invitation(raw_token: str, member_id: int, now: datetime) -> StaffMember:
    """Bind a member to the store of the link; the same member's second tap gets the same answer.

    InvitationInvalid, InvitationUsed, InvitationExpired, AlreadyStaff (the link stays good for somebody else).
    """
    digest = queries.token_digest(raw_token)
    try:
        with transaction() as session:
            take = update(StaffInvitation).where(
                StaffInvitation.token_digest == digest,
                StaffInvitation.accepted_at.is_(None),
                StaffInvitation.expires_at > now,
            )
            if changed_rows(take.values(accepted_at=now)) != 1:
                return _already_accepted(digest, member_id, now)
            invitation = session.scalars(
                select(StaffInvitation)
                .where(StaffInvitation.token_digest == digest)
                .execution_options(populate_existing=True)
            ).one()
            staff = StaffMember(
                dealer_id=invitation.dealer_id,
                member_id=member_id,
                name=invitation.name,
                role=invitation.role,
                joined_at=now,
            )
            session.add(staff)
            session.flush()
            invitation.staff_id = staff.id
            audit.record(
                Actor("member", member_id),
                "staff_joined",
                "staff_member",
                staff.id,
                dealer_id=staff.dealer_id,
                role=staff.role,
            )
            return staff
    except IntegrityError:  # the one living row for each member
        raise AlreadyStaff from None


def _already_accepted(digest: str, member_id: int, now: datetime) -> StaffMember:
    invitation = db.session.scalar(select(StaffInvitation).where(StaffInvitation.token_digest == digest))
    if invitation is None:
        raise InvitationInvalid
    if invitation.staff_id is not None:
        staff = queries.get_staff(invitation.staff_id)
        if staff.member_id == member_id and staff.left_at is None:
            return staff
    if invitation.accepted_at is not None:
        raise InvitationUsed
    raise InvitationExpired


def dismiss_staff(staff_id: int, actor: Actor, now: datetime) -> None:
    """End somebody's work for a store at once, on shared phones too. Twice is as good as once. NotYourTeam, NotFound.

    When a leading person goes, the store's open links (invitations, shared phones) go too: they may be in that
    person's hands.
    """
    with transaction():
        staff = queries.get_staff(staff_id)
        if actor.kind == "staff" and actor.dealer_id != staff.dealer_id:
            raise NotFound
        if not rules.may_manage(actor.kind, actor.role, staff.role, same_dealer=actor.dealer_id == staff.dealer_id):
            raise NotYourTeam
        gone = update(StaffMember).where(StaffMember.id == staff_id, StaffMember.left_at.is_(None))
        if changed_rows(gone.values(left_at=now, pin_hash=None)) != 1:
            return
        if rules.leads(staff.role):
            _end_links(StaffInvitation.dealer_id == staff.dealer_id, now)
            phone_links = update(CounterPhone).where(
                CounterPhone.dealer_id == staff.dealer_id, CounterPhone.token_digest.startswith(queries.WAITING)
            )
            changed_rows(phone_links.values(revoked_at=now))
        audit.record(actor, "staff_dismissed", "staff_member", staff_id, dealer_id=staff.dealer_id, role=staff.role)


def blocks(member_id: int) -> list[str]:
    """Somebody who acts for a store is known there by name until that ends."""
    staff = queries.find_active(member_id)
    if staff is None:
        return []
    return [f"您还是{queries.dealer_name(staff.dealer_id)}的店员，请先由店长在“团队”里移除。"]


def erase_own(member_id: int, _now: datetime) -> None:
    """Take the name off the work that is over; that somebody of the store did it stays."""
    with transaction():
        over = update(StaffMember).where(StaffMember.member_id == member_id, StaffMember.left_at.is_not(None))
        changed_rows(over.values(name="已注销"))


def reassign_own(from_id: int, to_id: int) -> None:
    """Give the work for stores to another account of the same person. MergeRefused if both act for a store now."""
    if queries.find_active(from_id) is not None and queries.find_active(to_id) is not None:
        raise MergeRefused("两个账号都绑定了门店，请先由店长移除其中一个。")
    with transaction():
        changed_rows(update(StaffMember).where(StaffMember.member_id == from_id).values(member_id=to_id))
