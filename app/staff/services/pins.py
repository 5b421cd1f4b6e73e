"""The PIN by which a person is known on a shared phone."""

from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select, update

from app.core import audit, ids
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.members.models import Member
from app.staff import queries, rules
from app.staff.errors import NotYourTeam, PinLocked, PinRefused, PinWrong
from app.staff.models import PinTry, StaffMember

_hasher = PasswordHasher()
# Checked where there is no PIN, so that the time taken does not tell.
_NOBODY = _hasher.hash(ids.token(16))


def set_pin(staff_id: int, pin: str, actor: Actor, now: datetime) -> None:
    """Give oneself a PIN; who is at a shared phone by the former one is out. PinRefused."""
    phone = db.session.scalar(
        select(Member.phone).join(StaffMember, StaffMember.member_id == Member.id).where(StaffMember.id == staff_id)
    )
    problem = rules.pin_problem(pin, phone or "")
    if problem:
        raise PinRefused(problem)
    digest = _hasher.hash(pin)
    with transaction():
        own = update(StaffMember).where(StaffMember.id == staff_id, StaffMember.left_at.is_(None))
        if changed_rows(own.values(pin_hash=digest, pin_set_at=now)) != 1:
            raise NotFound
        audit.record(actor, "pin_set", "staff_member", staff_id)


def check_pin(phone: queries.SharedPhone, staff_id: int, pin: str, now: datetime) -> queries.ActiveStaff:
    """Whoever picked this name and knows its PIN. PinWrong, PinLocked.

    The try is written before it is judged, one person's tries one after the other: many at once are no way around.
    """
    with transaction() as session:
        wanted = select(StaffMember).where(
            StaffMember.id == staff_id, StaffMember.dealer_id == phone.dealer_id, StaffMember.left_at.is_(None)
        )
        staff = session.scalar(wanted.with_for_update().execution_options(populate_existing=True))
        if staff is None:
            raise PinWrong
        wrong = queries.count_wrong_pins(staff, now)
        if wrong >= rules.PIN_TRIES:
            raise PinLocked
        row = PinTry(phone_id=phone.id, staff_id=staff.id, good=False, at=now)
        session.add(row)
        session.flush()
        try_id, digest = row.id, staff.pin_hash
    if not _fits(digest or _NOBODY, pin) or digest is None:
        left = rules.PIN_TRIES - wrong - 1
        raise PinWrong(left) if left else PinLocked
    with transaction() as session:
        changed_rows(update(PinTry).where(PinTry.id == try_id).values(good=True))
        audit.record(Actor("staff", staff_id, dealer_id=phone.dealer_id), "desk_opened", "counter_phone", phone.id)
    found = queries.find_at_desk(staff_id, phone.dealer_id)
    if found is None:  # dismissed at this very moment
        raise PinWrong
    return found


def unlock_pin(staff_id: int, actor: Actor) -> None:
    """Let somebody of the store try again; who did so stays in the audit trail. NotYourTeam, NotFound."""
    with transaction():
        staff = queries.get_staff(staff_id)
        if actor.kind == "staff" and actor.dealer_id != staff.dealer_id:
            raise NotFound
        if actor.kind == "staff" and not rules.leads(actor.role):
            raise NotYourTeam
        changed_rows(delete(PinTry).where(PinTry.staff_id == staff_id, ~PinTry.good))
        audit.record(actor, "pin_unlocked", "staff_member", staff_id, dealer_id=staff.dealer_id)


def _fits(digest: str, pin: str) -> bool:
    try:
        return _hasher.verify(digest, pin)
    except (VerificationError, InvalidHashError):
        return False
