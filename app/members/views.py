"""Login through WeChat, the verified phone, one's own data."""

from typing import Any, cast

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    jsonify,
    make_response,
    redirect,
    request,
    url_for,
)

from app.core import clock
from app.core.errors import DomainError, GatewayError
from app.core.htmx import go, render, toast, wants_fragment
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import limiter, settings
from app.gateways.wechat.port import Scope, WeChatGateway
from app.gateways.wechat.ua import parse_user_agent
from app.members import privacy, queries, rules, services, trips
from app.members.errors import CodeTooSoon, LoginRefused, LoginStale, SnapshotUser
from app.members.forms import CodeForm, PhoneForm
from app.members.session import current_member, login_url, referring_path, sign_in, sign_out

blueprint = Blueprint("members", __name__)
COOKIE, COOKIE_PATH = "zt_login", "/wechat"


def _secret() -> str:
    return settings().secret_key.get_secret_value()


@blueprint.get("/wechat/login")
@access("public")
def start_login() -> Any:
    """To WeChat and back to `next`; writes nothing but the pre-login cookie."""
    g.private = True
    next_path = rules.local_path(request.args.get("next")) or "/"
    back_path = rules.local_path(request.args.get("back")) or "/"
    if current_member():
        return redirect(next_path)
    hints = parse_user_agent(request.user_agent.string)
    if hints.wechat or request.args.get("go") == "1":
        return _depart(next_path, back_path)
    here = settings().public_base_url.rstrip("/") + login_url(next_path, back_path)
    onward = url_for("members.start_login", next=next_path, back=back_path, go=1)
    return render(
        "members/outside_wechat.html", qr=qr_svg(here) if hints.os == "desktop" else None, onward=onward, back=back_path
    )


def _depart(next_path: str, back_path: str, loops: int = 0) -> Response:
    under_way, trip = trips.load(request.cookies.get(COOKIE), _secret()).started(
        next_path, back_path, clock.now(), loops
    )
    gateway = cast(WeChatGateway, current_app.extensions["wechat"])
    # The profile is asked for after a tap only; it names the person on 我的.
    response = make_response(redirect(gateway.authorize_url(_callback_address(), Scope.USERINFO.value, trip.state)))
    response.set_cookie(
        COOKIE,
        trips.dump(under_way, _secret()),
        max_age=86400,
        path=COOKIE_PATH,
        httponly=True,
        samesite="Lax",
        secure=settings().production,
    )
    return response


def _callback_address() -> str:
    """WeChat returns to the registered host; in development to whatever name this machine was opened by."""
    root = settings().public_base_url if settings().production else request.url_root
    return root.rstrip("/") + url_for("members.finish_login")


@blueprint.get("/wechat/callback")
@access("public")
def finish_login() -> Any:
    """Back from WeChat. Always ends on a clean address or on a page that says how to go on."""
    g.private = True
    if request.method != "GET":
        abort(404)  # a preview by HEAD must not use up the code
    state, code = request.args.get("state", ""), request.args.get("code", "")
    under_way = trips.load(request.cookies.get(COOKIE), _secret())
    trip = under_way.find(state)
    if trip is None:
        return redirect("/") if current_member() else _problem(LoginRefused(), "/", "/")
    if trip.expired(clock.now()):
        return _again(trip)
    if not code:
        return redirect(trip.next) if current_member() else _cancelled(trip)
    return _complete(under_way, trip, code)


def _complete(under_way: trips.Trips, trip: trips.Trip, code: str) -> Any:
    arrival = services.Arrival(trip.state, under_way.browser, code, trip.next, Scope.USERINFO.value)
    gateway = cast(WeChatGateway, current_app.extensions["wechat"])
    try:
        member_id = services.complete_login(gateway, settings().wechat_app_id, arrival, clock.now())
    except LoginStale:
        return _again(trip)
    except (LoginRefused, SnapshotUser) as refusal:
        return _problem(refusal, trip.next, trip.back)
    except GatewayError as error:
        current_app.logger.warning("login failed at WeChat: %s", error.code)
        return _problem(DomainError("微信登录暂时不可用，请稍后再试。", code="wechat_down"), trip.next, trip.back, 503)
    sign_in(queries.get_member(member_id))
    return redirect(trip.next)


def _again(trip: trips.Trip) -> Any:
    """A dead code is no error: onward when signed in already, else once more from the start, then by a tap."""
    if current_member():
        return redirect(trip.next)
    if trip.loops < 1:
        return _depart(trip.next, trip.back, trip.loops + 1)
    return _problem(LoginStale(), trip.next, trip.back)


def _problem(refusal: DomainError, next_path: str, back_path: str, status: int | None = None) -> Response:
    return render(
        "members/login_problem.html",
        status=status or refusal.status,
        message=refusal.message,
        snapshot=isinstance(refusal, SnapshotUser),
        again=url_for("members.start_login", next=next_path, back=back_path, go=1),
        back=back_path,
    )


def _cancelled(trip: trips.Trip) -> Response:
    again = url_for("members.start_login", next=trip.next, back=trip.back, go=1)
    return render("members/login_cancelled.html", again=again, back=trip.back)


@blueprint.post("/logout")
@access("public")
def logout() -> Any:
    g.private = True
    sign_out()
    response = go("/")
    # Else the Back button would find the finished trip and sign in again.
    response.delete_cookie(COOKIE, path=COOKIE_PATH)
    return response


@blueprint.get("/me/phone")
@access("member")
def edit_phone() -> Any:
    form = CodeForm(phone=g.member.phone or "", next=rules.local_path(request.args.get("next")) or "/me")
    return render("members/phone.html", form=form, sent=False, wait_seconds=0)


@blueprint.post("/me/phone")
@access("member")
def verify_phone() -> Any:
    form = CodeForm()
    if form.validate():
        try:
            services.verify_code(
                g.member.id, form.phone.data or "", form.code.data or "", clock.now(), secret=_secret()
            )
            return go(rules.local_path(form.next.data) or "/me")
        except DomainError as refusal:
            _onto(form, refusal)
    return render("members/phone.html", status=422, form=form, sent=False, wait_seconds=0)


@blueprint.post("/me/phone/codes")
@access("member")
@limiter.limit("20/minute")
def send_code() -> Any:
    """Send a code to the number in the form around the button; without JavaScript the code is handed in here."""
    form = PhoneForm()
    form.next.data = rules.local_path(form.next.data) or referring_path()
    wait = 0
    if form.validate():
        try:
            wait = services.request_code(
                g.member.id, form.phone.data or "", request.remote_addr or "", clock.now(), secret=_secret()
            )
        except DomainError as refusal:
            _onto(form, refusal)
            if isinstance(refusal, CodeTooSoon):
                wait = refusal.wait_seconds
    sent = not form.errors
    status = 200 if sent else 422
    response = render(
        "members/phone.html", "members/_phone_code.html", status=status, form=form, sent=sent, wait_seconds=wait
    )
    return toast(response, "验证码已发送") if sent and wants_fragment() else response


def _onto(form: PhoneForm, refusal: DomainError) -> None:
    field = form[refusal.field] if refusal.field and refusal.field in form else form.phone
    field.errors = [*field.errors, refusal.message]


@blueprint.get("/me/privacy")
@access("member")
def show_privacy() -> Any:
    return render(
        "members/privacy.html",
        member=g.member,
        consents=queries.list_consents(g.member.id),
        purposes=rules.PURPOSES,
        mask_phone=rules.mask_phone,
    )


@blueprint.post("/me/privacy/consents/<int:consent_id>/withdrawal")
@access("member")
def withdraw_consent(consent_id: int) -> Any:
    services.withdraw_consent(g.member.id, consent_id, clock.now())
    return go(url_for("members.show_privacy"))


@blueprint.get("/me/privacy/export")
@access("member")
def export_data() -> Any:
    """The person's own copy of everything the rooms keep, as a file."""
    response = jsonify(privacy.export_all(g.member.id))
    response.headers["Content-Disposition"] = "attachment; filename=zhanting-my-data.json"
    response.headers["Cache-Control"] = "no-store"
    return response
