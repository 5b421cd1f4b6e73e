"""The staff's home on their own phone, their team, and the invitation by which they came."""

from typing import Any

from flask import g, url_for

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import actor, settings
from app.staff import queries, rules, services
from app.staff.errors import NotYourTeam
from app.staff.forms import InvitationForm
from app.staff.session import current_phone, current_staff, own_phone_only
from app.staff.views import blueprint


@blueprint.get("")
@access("staff")
def show_home() -> Any:
    staff = current_staff()
    return render(
        "staff/home.html",
        staff=staff,
        role_name=rules.ROLES[staff.role],
        dealer_name=queries.dealer_name(staff.dealer_id),
        leads=rules.leads(staff.role),
        phone=current_phone(),
    )


@blueprint.get("/invitations/<token>")
@access("member")
def show_invitation(token: str) -> Any:
    invitation = queries.get_invitation(token, clock.now())
    return render("staff/invitation.html", invitation=invitation, token=token, already=queries.find_active(g.member.id))


@blueprint.post("/invitations/<token>")
@access("member")
def accept_invitation(token: str) -> Any:
    services.accept_invitation(token, g.member.id, clock.now())
    return go(url_for("staff.show_home"))


def _team_page(form: InvitationForm, *, status: int = 200, link: str | None = None) -> Any:
    staff = current_staff()
    waiting = queries.list_open_invitations(staff.dealer_id, clock.now())
    return render(
        "staff/team.html",
        status=status,
        form=form,
        staff=staff,
        dealer_name=queries.dealer_name(staff.dealer_id),
        team=[(person, _may_manage(person.role)) for person in queries.list_team(staff.dealer_id)],
        waiting=waiting,
        withdrawals={
            row.id: url_for("staff.withdraw_invitation", invitation_id=row.id)
            for row in waiting
            if _may_manage(row.role)
        },
        locked=queries.list_locked(staff.dealer_id, clock.now()),
        roles=rules.ROLES,
        link=link,
        qr=qr_svg(link) if link else None,
    )


def _may_manage(role: str) -> bool:
    return rules.may_manage(actor().kind, actor().role, role, same_dealer=True)


def _invitation_form() -> InvitationForm:
    own_phone_only()
    if not rules.leads(actor().role):
        raise NotYourTeam
    return InvitationForm(rules.roles_to_give(actor().kind, actor().role))


@blueprint.get("/team")
@access("staff")
def show_team() -> Any:
    return _team_page(_invitation_form())


@blueprint.post("/team")
@access("staff")
def invite() -> Any:
    """The link is shown once, in this very answer: it is kept nowhere."""
    form = _invitation_form()
    if not form.validate():
        return _team_page(form, status=422)
    try:
        _, token = services.invite_staff(
            current_staff().dealer_id, form.name.data or "", form.role.data or "", actor(), clock.now()
        )
    except DomainError as refusal:
        if refusal.field not in {"name", "role"}:
            raise
        form[refusal.field].errors = [refusal.message]
        return _team_page(form, status=422)
    link = settings().public_base_url.rstrip("/") + url_for("staff.show_invitation", token=token)
    return _team_page(InvitationForm(rules.roles_to_give(actor().kind, actor().role), formdata=None), link=link)


@blueprint.post("/team/invitations/<int:invitation_id>/withdrawal")
@access("staff")
def withdraw_invitation(invitation_id: int) -> Any:
    own_phone_only()
    services.withdraw_invitation(invitation_id, actor(), clock.now())
    return go(url_for("staff.show_team"))


@blueprint.post("/team/<int:staff_id>/dismissal")
@access("staff")
def dismiss(staff_id: int) -> Any:
    own_phone_only()
    services.dismiss_staff(staff_id, actor(), clock.now())
    return go(url_for("staff.show_team"))


@blueprint.post("/team/<int:staff_id>/pin-unlock")
@access("staff")
def unlock_pin(staff_id: int) -> Any:
    own_phone_only()
    services.unlock_pin(staff_id, actor())
    return go(url_for("staff.show_team"))
