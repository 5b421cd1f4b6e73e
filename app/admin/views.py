"""The back office's shell: login, dashboard, the first person of a store."""

from typing import Any

from flask import Blueprint, Flask, abort, g, request, url_for
from flask_limiter.util import get_remote_address

from app.admin import queries, services
from app.admin.errors import LoginFailed
from app.admin.forms import LoginForm, ManagerForm
from app.admin.session import current_operator, sign_in, sign_out
from app.admin.wording import action_words, subject_words
from app.core import actors, backoffice, clock
from app.core.htmx import go, render
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import actor, limiter, settings
from app.members.rules import local_path
from app.staff import queries as staff_queries
from app.staff import rules as staff_rules
from app.staff import services as staff_services

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


def register(app: Flask) -> None:
    """Called once by the factory."""
    actors.register("operator", queries.names_of)
    backoffice.register(app, "概览", "概览", "admin.show_dashboard", "dashboard")
    backoffice.register(app, "人员", "门店人员", "admin.list_dealers", "staff")


@blueprint.get("/login")
@access("public")
def start_login() -> Any:
    g.private = True
    if current_operator():
        return go(url_for("admin.show_dashboard"))
    return render("admin/login.html", form=LoginForm(next=_onward(request.args.get("next"))))


@blueprint.post("/login")
@access("public")
@limiter.limit("10/minute", key_func=get_remote_address)
def login() -> Any:
    g.private = True
    form = LoginForm()
    if form.validate():
        try:
            operator = services.sign_in_operator(
                form.login.data or "", form.password.data or "", form.code.data or "", clock.now()
            )
        except LoginFailed as refusal:
            form.form_errors.append(refusal.message)
        else:
            sign_in(operator)
            return go(_onward(form.next.data))
    form.code.data = ""
    return render("admin/login.html", status=422, form=form)


def _onward(path: str | None) -> str:
    """Only a page of the back office."""
    safe = local_path(path) or ""
    return safe if safe == "/admin" or safe.startswith("/admin/") else url_for("admin.show_dashboard")


@blueprint.post("/logout")
@access("admin")
def logout() -> Any:
    sign_out()
    return go(url_for("admin.start_login"))


@blueprint.get("")
@access("admin")
def show_dashboard() -> Any:
    board = queries.read_dashboard()
    words = {"action_words": action_words, "subject_words": subject_words}
    return render("admin/dashboard.html", here="dashboard", operator=g.operator, board=board, **words)


@blueprint.get("/staff")
@access("admin")
def list_dealers() -> Any:
    text = request.args.get("q", "")[:40]
    dealers = queries.search_dealers(text)
    return render("admin/dealers.html", "admin/_dealers.html", here="staff", q=text, dealers=dealers)


@blueprint.get("/staff/<slug>")
@access("admin")
def show_team(slug: str) -> Any:
    return _team_page(slug, ManagerForm())


@blueprint.post("/staff/<slug>")
@access("admin")
def invite_manager(slug: str) -> Any:
    """The link is shown once, in this very answer: it is kept nowhere."""
    form = ManagerForm()
    if not form.validate():
        return _team_page(slug, form, status=422)
    dealer_id = staff_queries.find_dealer_id(slug) or abort(404)
    _, token = staff_services.invite_staff(dealer_id, form.name.data or "", "manager", actor(), clock.now())
    link = settings().public_base_url.rstrip("/") + url_for("staff.show_invitation", token=token)
    return _team_page(slug, ManagerForm(formdata=None), link=link)


@blueprint.post("/staff/<slug>/invitations/<int:invitation_id>/withdrawal")
@access("admin")
def withdraw_invitation(slug: str, invitation_id: int) -> Any:
    staff_services.withdraw_invitation(invitation_id, actor(), clock.now())
    return go(url_for("admin.show_team", slug=slug))


@blueprint.post("/staff/<slug>/<int:staff_id>/dismissal")
@access("admin")
def dismiss(slug: str, staff_id: int) -> Any:
    staff_services.dismiss_staff(staff_id, actor(), clock.now())
    return go(url_for("admin.show_team", slug=slug))


def _team_page(slug: str, form: ManagerForm, *, status: int = 200, link: str | None = None) -> Any:
    dealer = queries.find_dealer(slug) or abort(404)
    waiting = staff_queries.list_open_invitations(dealer.id, clock.now())
    return render(
        "admin/team.html",
        status=status,
        here="staff",
        dealer=dealer,
        form=form,
        team=staff_queries.list_team(dealer.id),
        waiting=waiting,
        withdrawals={row.id: url_for("admin.withdraw_invitation", slug=slug, invitation_id=row.id) for row in waiting},
        roles=staff_rules.ROLES,
        link=link,
        qr=qr_svg(link) if link else None,
    )
