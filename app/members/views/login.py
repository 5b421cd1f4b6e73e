"""Login through WeChat: out, back, and every way it can fail; login by phone outside WeChat."""

from typing import Any, cast

from flask import (
    Response,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    request,
    session,
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
from app.members import queries, rules, services, trips
from app.members.errors import CodeTooSoon, LoginRefused, LoginStale, SnapshotUser
from app.members.forms import CodeForm, PhoneForm, put_onto
from app.members.models import Member
from app.members.session import current_member, device_key, is_guess, login_url, sign_in, sign_out
from app.members.views import blueprint, secret

COOKIE, COOKIE_PATH = "zt_login", "/wechat"
PROOF = "merge_proof"


@blueprint.get("/wechat/login")
@access("public")
def start_login() -> Any:
    """To WeChat and back to `next`; writes nothing but the pre-login cookie."""
    g.private = True
    if is_guess():
        return Response(status=503, headers={"Cache-Control": "no-store"})
    next_path = rules.local_path(request.args.get("next")) or "/"
    back_path = rules.local_path(request.args.get("back")) or "/"
    if current_member():
        return redirect(next_path)
    hints = parse_user_agent(request.user_agent.string)
    if hints.wechat or request.args.get("go") == "1":
        return depart(next_path, back_path)
    here = settings().public_base_url.rstrip("/") + login_url(next_path, back_path)
    onward = url_for("members.start_login", next=next_path, back=back_path, go=1)
    return render(
        "members/outside_wechat.html",
        qr=qr_svg(here) if hints.os == "desktop" else None,
        onward=onward,
        back=back_path,
        phone=url_for("members.start_phone_login", next=next_path, back=back_path),
    )


def depart(next_path: str, back_path: str, loops: int = 0, *, profile: bool = False) -> Response:
    """Off to WeChat: silently to know who it is; picture and name only for somebody who tapped for that."""
    under_way, trip = trips.load(request.cookies.get(COOKIE), secret()).started(
        next_path, back_path, clock.now(), loops, profile=profile
    )
    gateway = cast(WeChatGateway, current_app.extensions["wechat"])
    scope = Scope.USERINFO if profile else Scope.BASE
    code = 303 if request.method == "POST" else 302
    response = make_response(redirect(gateway.authorize_url(_callback_address(), scope.value, trip.state), code))
    response.set_cookie(
        COOKIE,
        trips.dump(under_way, secret()),
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
    under_way = trips.load(request.cookies.get(COOKIE), secret())
    trip = under_way.find(state)
    if trip is None:
        return redirect("/") if current_member() else _problem(LoginRefused(), "/", "/")
    if trip.expired(clock.now()):
        return _again(trip)
    if not code:
        return redirect(trip.next) if current_member() else _cancelled(trip)
    return _complete(under_way, trip, code)


def _complete(under_way: trips.Trips, trip: trips.Trip, code: str) -> Any:
    scope = Scope.USERINFO if trip.profile else Scope.BASE
    arrival = services.Arrival(trip.state, under_way.browser, code, trip.next, scope.value)
    gateway = cast(WeChatGateway, current_app.extensions["wechat"])
    member = current_member()
    try:
        if trip.profile and member is not None:
            return redirect(_bring_home(gateway, member, arrival, trip))
        member_id = services.complete_login(gateway, settings().wechat_app_id, arrival, clock.now())
    except LoginStale:
        return _again(trip)
    except (LoginRefused, SnapshotUser) as refusal:
        if member is not None and not trip.profile and isinstance(refusal, LoginRefused):
            return redirect(trip.next)  # back at WeChat's page, allowed again: signed in since the first time
        return _problem(refusal, trip.next, trip.back)
    except GatewayError as error:
        current_app.logger.warning("login failed at WeChat: %s", error.code)
        return _problem(DomainError("微信登录暂时不可用，请稍后再试。", code="wechat_down"), trip.next, trip.back, 503)
    sign_in(queries.get_member(member_id))
    return redirect(trip.next)


def _bring_home(gateway: WeChatGateway, member: Member, arrival: services.Arrival, trip: trips.Trip) -> str:
    """The WeChat identity joins the member who is signed in, or both accounts are proved to be one person's."""
    user = services.ask_wechat(gateway, arrival, clock.now())
    if user is None:
        return trip.next  # requested twice; the first one did it
    other = services.link_identity(member.id, settings().wechat_app_id, user)
    if other is not None:
        session[PROOF] = [other, int(clock.now().timestamp())]
        return url_for("members.show_merge")
    services.adopt_profile(gateway, member.id, user, clock.now())
    return trip.next


def _again(trip: trips.Trip) -> Any:
    """A dead code is no error: onward when signed in already, else once more from the start, then by a tap."""
    if current_member() and not trip.profile:
        return redirect(trip.next)
    if trip.loops < 1:
        return depart(trip.next, trip.back, trip.loops + 1, profile=trip.profile)
    return _problem(LoginStale(), trip.next, trip.back)


@blueprint.get("/login/phone")
@access("public")
def start_phone_login() -> Any:
    """手机号登录, for browsers outside WeChat."""
    g.private = True
    next_path = rules.local_path(request.args.get("next")) or "/me"
    if current_member():
        return redirect(next_path)
    device_key()
    return _phone_page(CodeForm(next=next_path))


@blueprint.post("/login/phone/codes")
@access("public")
@limiter.limit("20/minute")
def send_login_code() -> Any:
    """Send a code. The answer is the same for numbers we know and numbers we do not."""
    g.private = True
    form = PhoneForm()
    form.next.data = rules.local_path(form.next.data) or "/me"
    wait = 0
    if form.validate():
        try:
            wait = services.request_code(
                None,
                form.phone.data or "",
                request.remote_addr or "",
                clock.now(),
                secret=secret(),
                device=device_key(),
            )
        except DomainError as refusal:
            put_onto(form, refusal)
            wait = refusal.wait_seconds if isinstance(refusal, CodeTooSoon) else 0
    sent = not form.errors
    response = render(
        "members/phone_login.html",
        "members/_login_code.html",
        status=200 if sent else 422,
        form=form,
        sent=sent,
        wait_seconds=wait,
    )
    return toast(response, "验证码正在发出") if sent and wants_fragment() else response


@blueprint.post("/login/phone")
@access("public")
@limiter.limit("20/minute")
def log_in_by_phone() -> Any:
    g.private = True
    form = CodeForm()
    form.next.data = rules.local_path(form.next.data) or "/me"
    if form.validate():
        try:
            member_id = services.sign_in_by_phone(
                form.phone.data or "", form.code.data or "", device_key(), clock.now(), secret=secret()
            )
        except DomainError as refusal:
            put_onto(form, refusal)
        else:
            sign_in(queries.get_member(member_id))
            return go(form.next.data)
    return _phone_page(form, 422)


def _phone_page(form: CodeForm, status: int = 200) -> Response:
    return render("members/phone_login.html", status=status, form=form, sent=False, wait_seconds=0)


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
