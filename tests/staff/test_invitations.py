"""An invitation works once, for three days, for one person who acts for one store."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.errors import DomainError, NotFound
from app.core.security import SYSTEM, Actor
from app.staff.errors import (
    AlreadyStaff,
    InvitationExpired,
    InvitationInvalid,
    InvitationUsed,
    NameMissing,
    NotYourTeam,
    RoleUnknown,
)
from app.staff.models import StaffInvitation, StaffMember
from app.staff.queries import find_active, get_invitation, list_open_invitations, list_team
from app.staff.services import accept_invitation, dismiss_staff, invite_staff, withdraw_invitation
from tests.staff.people import NOW, dealer, member, staff

DAYS = timedelta(days=1)


def invite(store: int, role: str = "clerk", actor: Actor = SYSTEM) -> str:
    return invite_staff(store, "示例店员丙", role, actor, NOW)[1]


@pytest.mark.both_databases
def test_invited_member_acts_for_the_store(app, store, person):
    token = invite(store, "supervisor")
    assert get_invitation(token, NOW).state == "open"
    accepted = accept_invitation(token, person, NOW + 2 * DAYS)
    found = find_active(person)
    assert found is not None
    assert (found.id, found.dealer_id, found.role, found.name) == (accepted.id, store, "supervisor", "示例店员丙")
    assert get_invitation(token, NOW).state == "used"
    actions = set(db.session.scalars(select(AuditEntry.action)))
    assert actions == {"staff_invited", "staff_joined"}


def test_token_is_not_kept(app, store):
    token = invite(store)
    row = db.session.scalars(select(StaffInvitation)).one()
    assert token not in row.token_digest


@pytest.mark.both_databases
def test_link_works_once(app, store, person):
    token = invite(store)
    first = accept_invitation(token, person, NOW)
    assert accept_invitation(token, person, NOW).id == first.id
    with pytest.raises(InvitationUsed):
        accept_invitation(token, member(), NOW)
    dismiss_staff(first.id, SYSTEM, NOW)
    with pytest.raises(InvitationUsed):
        accept_invitation(token, person, NOW)


def test_link_dies_after_three_days(app, store, person):
    token = invite(store)
    with pytest.raises(InvitationExpired):
        accept_invitation(token, person, NOW + 3 * DAYS)
    assert get_invitation(token, NOW + 3 * DAYS).state == "expired"
    with pytest.raises(InvitationInvalid):
        accept_invitation("made-up", person, NOW)


@pytest.mark.both_databases
def test_one_store_a_person_and_the_link_stays_good_for_somebody_else(app, store, person):
    staff(dealer("hz-02", "滨江店"), member_id=person)
    token = invite(store)
    with pytest.raises(AlreadyStaff):
        accept_invitation(token, person, NOW)
    assert accept_invitation(token, member(), NOW).dealer_id == store


@pytest.mark.both_databases
@pytest.mark.race
def test_link_opened_by_many_at_once_binds_one(app, store):
    token = invite(store)
    people = [member() for _ in range(5)]

    def accept(member_id: int) -> str:
        with app.app_context():
            try:
                accept_invitation(token, member_id, NOW)
            except DomainError as refusal:
                return refusal.code
            return "joined"

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(accept, people)) == ["invitation_used"] * 4 + ["joined"]
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(StaffMember)) == 1


def test_only_lower_ranks_of_the_own_store_can_be_invited(app, store):
    supervisor = Actor("staff", 1, "supervisor", store)
    other_store = dealer("hz-02", "滨江店")
    assert invite(store, "clerk", supervisor)
    for actor, dealer_id, role in [
        (supervisor, store, "supervisor"),
        (supervisor, other_store, "clerk"),
        (Actor("staff", 1, "clerk", store), store, "clerk"),
        (Actor("member", 1), store, "clerk"),
    ]:
        with pytest.raises(NotYourTeam):
            invite_staff(dealer_id, "某人", role, actor, NOW)


def test_invitation_needs_a_name_a_role_and_a_store(app, store):
    for name, role, refusal in [
        (" ", "clerk", NameMissing),
        ("甲" * 41, "clerk", NameMissing),
        ("甲", "x", RoleUnknown),
    ]:
        with pytest.raises(refusal):
            invite_staff(store, name, role, SYSTEM, NOW)
    with pytest.raises(NotFound):
        invite_staff(999, "甲", "clerk", SYSTEM, NOW)


def test_dismissal_is_for_lower_ranks_of_the_own_store(app, store):
    boss, clerk, peer = staff(store, "supervisor"), staff(store), staff(store, "supervisor")
    actor = Actor("staff", boss.id, "supervisor", store)
    stranger = staff(dealer("hz-02", "滨江店"))
    with pytest.raises(NotFound):
        dismiss_staff(stranger.id, actor, NOW)
    for target in (peer.id, boss.id):
        with pytest.raises(NotYourTeam):
            dismiss_staff(target, actor, NOW)
    dismiss_staff(clerk.id, actor, NOW)
    dismiss_staff(clerk.id, actor, NOW)
    assert [person.id for person in list_team(store)] == [boss.id, peer.id]


def test_an_invitation_is_taken_back_by_who_could_have_sent_it(app, store):
    boss, clerk = staff(store, "supervisor"), staff(store)
    actor, other = Actor("staff", boss.id, "supervisor", store), dealer("hz-02", "滨江店")
    token, high = invite(store), invite(store, role="supervisor")
    invite(other)
    top, open_ = (row.id for row in list_open_invitations(store, NOW))
    (far,) = (row.id for row in list_open_invitations(other, NOW))
    for target, who, refusal in [
        (top, actor, NotYourTeam),
        (open_, Actor("staff", clerk.id, "clerk", store), NotYourTeam),
        (open_, Actor("member", 1), NotYourTeam),
        (far, actor, NotFound),
        (999, SYSTEM, NotFound),
    ]:
        with pytest.raises(refusal):
            withdraw_invitation(target, who, NOW)
    withdraw_invitation(open_, actor, NOW)
    withdraw_invitation(open_, actor, NOW)
    assert [row.id for row in list_open_invitations(store, NOW)] == [top]
    with pytest.raises(InvitationExpired):
        accept_invitation(token, member(), NOW)
    joined = accept_invitation(high, member(), NOW)
    withdraw_invitation(top, SYSTEM, NOW)  # too late: the person is there
    assert joined.id in [person.id for person in list_team(store)]


def test_open_links_go_with_a_leading_person(app, store):
    clerk, boss = staff(store), staff(store, "supervisor")
    token = invite(store)
    dismiss_staff(clerk.id, SYSTEM, NOW)
    assert list_open_invitations(store, NOW)
    dismiss_staff(boss.id, SYSTEM, NOW)
    assert list_open_invitations(store, NOW) == []
    with pytest.raises(InvitationExpired):
        accept_invitation(token, member(), NOW)


def test_dismissed_person_may_be_invited_again(app, store, person):
    old = accept_invitation(invite(store), person, NOW)
    dismiss_staff(old.id, SYSTEM, NOW)
    with transaction():
        assert find_active(person) is None
    assert accept_invitation(invite(store), person, NOW).id != old.id
