"""What is known about the people who act for the stores."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.core.clock import local
from app.core.db import db
from app.core.errors import NotFound
from app.dealers.models import Dealer
from app.staff.errors import InvitationInvalid
from app.staff.models import StaffInvitation, StaffMember
from app.staff.rules import ROLES


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation as the invited person sees it; `state` is open, used or expired."""

    id: int
    dealer_name: str
    name: str
    role_name: str
    state: str
    expires_at: datetime


def token_digest(raw_token: str) -> str:
    """Under what an invitation is found: the token itself is kept nowhere."""
    return hashlib.sha256(raw_token.encode()).hexdigest()


def find_active(member_id: int) -> StaffMember | None:
    """The store role of a member who has not left."""
    return db.session.scalar(
        select(StaffMember).where(StaffMember.member_id == member_id, StaffMember.left_at.is_(None))
    )


def get_staff(staff_id: int) -> StaffMember:
    """A staff member, gone ones included. NotFound."""
    row = db.session.get(StaffMember, staff_id)
    if row is None:
        raise NotFound
    return row


def list_team(dealer_id: int) -> list[StaffMember]:
    """The people of a store who have not left, in the order they joined."""
    team = select(StaffMember).where(StaffMember.dealer_id == dealer_id, StaffMember.left_at.is_(None))
    return list(db.session.scalars(team.order_by(StaffMember.id)))


def list_open_invitations(dealer_id: int, now: datetime) -> list[StaffInvitation]:
    """Links that could still be used."""
    waiting = select(StaffInvitation).where(
        StaffInvitation.dealer_id == dealer_id, StaffInvitation.accepted_at.is_(None), StaffInvitation.expires_at > now
    )
    return list(db.session.scalars(waiting.order_by(StaffInvitation.id.desc())))


def get_invitation(raw_token: str, now: datetime) -> InvitationView:
    """What an invitation link offers. InvitationInvalid."""
    wanted = select(StaffInvitation, Dealer.name).join(Dealer, Dealer.id == StaffInvitation.dealer_id)
    row = db.session.execute(wanted.where(StaffInvitation.token_digest == token_digest(raw_token))).first()
    if row is None:
        raise InvitationInvalid
    invitation, dealer_name = row
    state = "used" if invitation.accepted_at else "open" if invitation.expires_at > now else "expired"
    return InvitationView(
        invitation.id, dealer_name, invitation.name, ROLES[invitation.role], state, invitation.expires_at
    )


def dealer_name(dealer_id: int) -> str:
    """The store's name. NotFound."""
    name = db.session.scalar(select(Dealer.name).where(Dealer.id == dealer_id))
    if name is None:
        raise NotFound
    return name


def find_dealer_id(slug: str) -> int | None:
    """The store with this 编号."""
    return db.session.scalar(select(Dealer.id).where(Dealer.slug == slug))


def export_own(member_id: int) -> dict[str, object]:
    """The person's own copy: for which stores they worked."""
    rows = db.session.scalars(select(StaffMember).where(StaffMember.member_id == member_id).order_by(StaffMember.id))
    return {
        "work": [
            {
                "dealer": dealer_name(row.dealer_id),
                "name": row.name,
                "role": ROLES[row.role],
                "joined_at": local(row.joined_at).isoformat(),
                "left_at": local(row.left_at).isoformat() if row.left_at else None,
            }
            for row in rows
        ]
    }
