"""What is known about the people who act for the stores."""

import hashlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Executable, String, bindparam, func, select

from app.core.clock import local
from app.core.db import db, look, table_of
from app.core.errors import NotFound
from app.dealers.models import Dealer
from app.members.models import Member
from app.members.queries import signed_in_beside
from app.staff.errors import InvitationInvalid
from app.staff.models import CounterPhone, PinTry, StaffInvitation, StaffMember
from app.staff.rules import PHONE_LINK_LIFE, PIN_LOCK, PIN_TRIES, ROLES

WAITING = "wait:"  # before a digest: of the link that registers a phone, not of the phone's own token
_staff, _phones, _dealers = table_of(StaffMember).c, table_of(CounterPhone).c, table_of(Dealer).c
_KNOWN = (
    _staff.id, _staff.dealer_id, _staff.member_id, _staff.name, _staff.role, _staff.joined_at, _staff.pin_hash,
    _staff.pin_set_at, _dealers.name,
)  # fmt: skip
_JOINED = table_of(StaffMember).join(table_of(Dealer), _dealers.id == _staff.dealer_id)
_COPY = select(*_KNOWN).select_from(_JOINED).where(_staff.left_at.is_(None))
_ACTIVE = _COPY.where(_staff.member_id == bindparam("member"))
_AT_DESK = _COPY.where(_staff.id == bindparam("staff"), _staff.dealer_id == bindparam("dealer"))
BESIDE_MEMBER = signed_in_beside(
    _JOINED, (_staff.member_id == table_of(Member).c.id) & _staff.left_at.is_(None), *_KNOWN
)
_PHONE = select(_phones.id, _phones.dealer_id, _phones.name).where(
    _phones.token_digest == bindparam("digest", type_=String), _phones.revoked_at.is_(None)
)


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


class ActiveStaff(NamedTuple):
    """Somebody who acts for a store at this moment, as every request asks for it."""

    id: int
    dealer_id: int
    member_id: int
    name: str
    role: str
    joined_at: datetime
    pin_hash: str | None
    pin_set_at: datetime | None
    dealer_name: str


@dataclass(frozen=True, slots=True)
class SharedPhone:
    """A phone of the store that is registered and not revoked."""

    id: int
    dealer_id: int
    name: str


def find_active(member_id: int) -> ActiveStaff | None:
    """The store role of a member who has not left."""
    return _copy(_ACTIVE, {"member": member_id})


def active_beside(found: tuple[Any, ...]) -> ActiveStaff | None:
    """The same from what BESIDE_MEMBER found."""
    return ActiveStaff._make(found) if found and found[0] is not None else None


def find_at_desk(staff_id: int, dealer_id: int) -> ActiveStaff | None:
    """The same of somebody at this store's shared phone."""
    return _copy(_AT_DESK, {"staff": staff_id, "dealer": dealer_id})


def _copy(statement: Executable, values: dict[str, int]) -> ActiveStaff | None:
    row = look(statement, values).first()
    return ActiveStaff._make(row) if row else None


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Somebody who is in the store now and can be called; `name` is shown to shoppers."""

    id: int
    member_id: int
    name: str
    role: str
    until: datetime


def list_on_duty(dealer_id: int, now: datetime) -> list[OnDuty]:
    """Who is on duty in a store at this moment, those who began first first."""
    on_duty = select(StaffMember).where(
        StaffMember.dealer_id == dealer_id, StaffMember.left_at.is_(None), StaffMember.duty_until > now
    )
    rows = db.session.scalars(on_duty.order_by(StaffMember.id))
    return [OnDuty(row.id, row.member_id, row.name, row.role, row.duty_until) for row in rows if row.duty_until]


def duty_until(staff_id: int, now: datetime) -> datetime | None:
    """Until when this person is on duty, if they are."""
    until = db.session.scalar(select(StaffMember.duty_until).where(StaffMember.id == staff_id))
    return until if until is not None and until > now else None


def find_phone(raw_token: str) -> SharedPhone | None:
    """The shared phone that carries this token."""
    row = look(_PHONE, {"digest": token_digest(raw_token)}).first()
    return SharedPhone(*row) if row else None


def find_opened(raw_token: str) -> CounterPhone:
    """The same inside the transaction that registered it."""
    return db.session.scalars(select(CounterPhone).where(CounterPhone.token_digest == token_digest(raw_token))).one()


def find_link(raw_token: str, now: datetime) -> CounterPhone | None:
    """The phone a link would register, while it is good."""
    digest = (WAITING + token_digest(raw_token))[:64]
    living = CounterPhone.revoked_at.is_(None) & (CounterPhone.registered_at > now - PHONE_LINK_LIFE)
    return db.session.scalar(select(CounterPhone).where(CounterPhone.token_digest == digest, living))


def list_phones(dealer_id: int) -> list[CounterPhone]:
    """The store's shared phones that are not revoked, and links that wait to be opened."""
    living = select(CounterPhone).where(CounterPhone.dealer_id == dealer_id, CounterPhone.revoked_at.is_(None))
    return list(db.session.scalars(living.order_by(CounterPhone.id)))


def list_at_desk(dealer_id: int) -> list[tuple[int, str]]:
    """Who may be picked on the store's shared phones; people of the same name with what they are."""
    people = [row for row in list_team(dealer_id) if row.pin_hash]
    names = Counter(row.name for row in people)
    return [(row.id, row.name if names[row.name] == 1 else f"{row.name}（{ROLES[row.role]}）") for row in people]


def count_wrong_pins(staff: StaffMember, now: datetime) -> int:
    """Wrong PINs of this person within the time of a lock, since the last right one and since it was set."""
    since = max(now - PIN_LOCK, staff.pin_set_at or now - PIN_LOCK)
    last_good = select(func.max(PinTry.id)).where(PinTry.staff_id == staff.id, PinTry.good).scalar_subquery()
    wanted = select(func.count()).where(
        PinTry.staff_id == staff.id, ~PinTry.good, PinTry.at >= since, PinTry.id > func.coalesce(last_good, 0)
    )
    return db.session.scalar(wanted) or 0


def list_locked(dealer_id: int, now: datetime) -> set[int]:
    """Whose PIN is locked at this moment."""
    return {row.id for row in list_team(dealer_id) if row.pin_hash and count_wrong_pins(row, now) >= PIN_TRIES}


def get_staff(staff_id: int) -> StaffMember:
    """A staff member, gone ones included. NotFound."""
    row = db.session.get(StaffMember, staff_id)
    if row is None:
        raise NotFound
    return row


def names_of(staff_ids: Collection[int]) -> dict[int, str]:
    """What these people are called, gone ones included unless they asked to be forgotten."""
    wanted = select(StaffMember.id, StaffMember.name).where(StaffMember.id.in_(staff_ids))
    return {row[0]: row[1] for row in db.session.execute(wanted)}


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
