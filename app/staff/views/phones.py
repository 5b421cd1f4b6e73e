"""Shared phones: a PIN of one's own, the phones of the store, and who picks one up."""

from typing import Any

from flask import g, make_response, redirect, render_template, url_for

from app.core import clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import actor, settings
from app.staff import queries, rules, services
from app.staff.errors import NotStaff, NotYourTeam, PhoneLinkInvalid
from app.staff.forms import DeskForm, PhoneForm, PinForm
from app.staff.session import (
    current_phone,
    current_staff,
    forget_phone,
    keep_phone,
    leave_desk,
    open_desk,
    own_phone_only,
    why_left,
)
from app.staff.views import blueprint

NOT_SHARED = "这部手机没有登记为公用手机，或已被店长停用。请店长重新登记；如果这是您自己的手机，请重新打开门店工作台。"


@blueprint.get("/pin")
@access("staff")
def show_pin() -> Any:
    own_phone_only()
    return render("staff/pin.html", form=PinForm(formdata=None), staff=current_staff())


@blueprint.post("/pin")
@access("staff")
def set_pin() -> Any:
    own_phone_only()
    form, staff = PinForm(), current_staff()
    if form.validate():
        try:
            services.set_pin(staff.id, form.pin.data or "", actor(), clock.now())
        except DomainError as refusal:
            if refusal.field != "pin":
                raise
            form.pin.errors = [refusal.message]
        else:
            return go(url_for("staff.show_home"))
    return render("staff/pin.html", status=422, form=form, staff=staff)


@blueprint.get("/phones")
@access("staff")
def show_phones() -> Any:
    _lead()
    return _phones_page(PhoneForm(formdata=None))


@blueprint.post("/phones")
@access("staff")
def register_phone() -> Any:
    """The link is shown once, in this very answer: it is kept nowhere."""
    _lead()
    form = PhoneForm()
    if not form.validate():
        return _phones_page(form, status=422)
    try:
        _, token = services.register_phone(current_staff().dealer_id, form.phone_name.data or "", actor(), clock.now())
    except DomainError as refusal:
        if refusal.field != "phone_name":
            raise
        form.phone_name.errors = [refusal.message]
        return _phones_page(form, status=422)
    return _phones_page(PhoneForm(formdata=None), token=token)


@blueprint.post("/phones/<int:phone_id>/revocation")
@access("staff")
def revoke_phone(phone_id: int) -> Any:
    _lead()
    services.revoke_phone(phone_id, actor(), clock.now())
    return go(url_for("staff.show_phones"))


@blueprint.get("/phones/links/<token>")
@access("public")
def show_phone_link(token: str) -> Any:
    """Opened on the phone that is to be shared; looking at it registers nothing."""
    g.private = True
    link = queries.find_link(token, clock.now())
    if link is None:
        raise PhoneLinkInvalid
    return render("staff/phone_link.html", token=token, phone=link, dealer_name=queries.dealer_name(link.dealer_id))


@blueprint.post("/phones/links/<token>")
@access("public")
def open_phone(token: str) -> Any:
    g.private = True
    own_token = services.open_phone(token, clock.now())
    return keep_phone(make_response(redirect(url_for("staff.show_desk"), 303)), own_token)


@blueprint.get("/desk")
@access("public")
def show_desk() -> Any:
    """Who picks up the shared phone."""
    g.private = True
    phone = current_phone()
    if phone is None:
        return forget_phone(make_response(render_template("staff/no_access.html", message=NOT_SHARED), 403))
    form = DeskForm(queries.list_at_desk(phone.dealer_id), formdata=None)
    return _desk_page(phone, form, left=why_left())


@blueprint.post("/desk")
@access("public")
def enter_desk() -> Any:
    g.private = True
    phone = _shared()
    form = DeskForm(queries.list_at_desk(phone.dealer_id))
    if not form.validate():
        return _desk_page(phone, form, status=422)
    try:
        staff = services.check_pin(phone, form.staff.data or 0, form.pin.data or "", clock.now())
    except DomainError as refusal:
        if refusal.field != "pin":
            raise
        form.pin.errors = [refusal.message]
        return _desk_page(phone, form, status=422)
    open_desk(staff, phone)
    return go(url_for("staff.show_home"))


@blueprint.post("/desk/leave")
@access("public")
def leave() -> Any:
    g.private = True
    leave_desk()
    return go(url_for("staff.show_desk"))


def _shared() -> queries.SharedPhone:
    phone = current_phone()
    if phone is None:
        raise NotStaff(NOT_SHARED)
    return phone


def _desk_page(phone: queries.SharedPhone, form: DeskForm, *, status: int = 200, left: str = "") -> Any:
    dealer_name = queries.dealer_name(phone.dealer_id)
    return render("staff/desk.html", status=status, form=form, phone=phone, dealer_name=dealer_name, left=left)


def _lead() -> None:
    own_phone_only()
    if not rules.leads(actor().role):
        raise NotYourTeam("公用手机由店长登记和停用，请联系店长。")


def _phones_page(form: PhoneForm, *, status: int = 200, token: str = "") -> Any:
    staff = current_staff()
    address = url_for("staff.show_phone_link", token=token) if token else ""
    link = settings().public_base_url.rstrip("/") + address if token else ""
    return render(
        "staff/phones.html",
        status=status,
        form=form,
        phones=queries.list_phones(staff.dealer_id),
        dealer_name=queries.dealer_name(staff.dealer_id),
        waiting=queries.WAITING,
        link=link,
        address=address,
        qr=qr_svg(link) if link else None,
    )
