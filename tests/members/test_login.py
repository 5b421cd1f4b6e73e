"""Login through WeChat, with everything that goes wrong on the way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from app.core.db import db, transaction
from app.members.models import LoginAttempt, Member, WeChatIdentity
from app.members.queries import find_openid
from tests.members.wechat import ANDROID, DESKTOP, come_back, csrf, sign_in, start


def later(**delta):
    """The same shop some time from now."""
    return time_machine.travel(datetime.now(UTC) + timedelta(**delta), tick=False)


def session_of(client) -> dict:
    with client.session_transaction() as session:
        return dict(session)


def count(table) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_first_login_makes_a_member_and_ends_on_a_clean_address(app, client, wechat):
    wechat.person("code-1", "openid-1")
    answer = come_back(client, start(client, "/deals/a/bookings/new"), "code-1")
    assert (answer.status_code, answer.location) == (302, "/deals/a/bookings/new")
    assert answer.headers["Cache-Control"] == "no-store"
    member = db.session.scalar(select(Member))
    assert member is not None
    assert member.nickname == ""  # silent: nobody was asked for a name
    assert find_openid(member.id, "wxsandbox0000000001") == "openid-1"
    assert find_openid(member.id, "wxother") is None
    with client.session_transaction() as session:
        assert session["_user_id"] == f"m:{member.id}:1"
        assert session.permanent
        assert not any("openid" in str(part) for part in session.items())


def test_second_login_finds_the_same_member(app, wechat):
    sign_in(app.test_client(), wechat, "openid-1")
    sign_in(app.test_client(), wechat, "openid-1")
    sign_in(app.test_client(), wechat, "openid-2")
    assert count(Member) == 2


def test_starting_a_login_writes_nothing_and_binds_the_browser(client, wechat):
    state = start(client)
    assert len(state) == 32
    assert "scope=snsapi_base" in client.get("/wechat/login?go=1").location
    assert count(LoginAttempt) == 0
    cookie = client.get_cookie("zt_login", path="/wechat")
    assert cookie.http_only
    assert cookie.same_site == "Lax"


def test_login_session_is_new(client, wechat):
    with client.session_transaction() as session:
        session["planted"] = "by somebody"
        session["csrf_token"] = "known"
    sign_in(client, wechat)
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session.get("csrf_token") != "known"


def test_wrong_code_restarts_once_and_then_asks_for_a_tap(client, wechat):
    first = come_back(client, start(client), "never-issued")
    assert first.status_code == 302
    assert first.location.startswith("https://open.example/authorize")
    second = come_back(client, first.location.rpartition("state=")[2], "never-issued-2")
    assert second.status_code == 409
    assert "重新登录" in second.text
    assert count(Member) == 0


def test_used_code_without_a_session_restarts(client, wechat):
    wechat.person("code-1", "openid-1")
    wechat.used.add("code-1")
    answer = come_back(client, start(client), "code-1")
    assert answer.location.startswith("https://open.example/authorize")


def test_callback_requested_again_with_a_session_goes_onward(client, wechat):
    wechat.person("code-1", "openid-1")
    state = start(client)
    come_back(client, state, "code-1")
    again = come_back(client, state, "code-1")
    assert (again.status_code, again.location) == (302, "/me/privacy")
    assert wechat.exchanges == 1


def test_back_button_to_the_callback_hours_later_goes_onward(client, wechat):
    wechat.person("code-1", "openid-1")
    state = start(client)
    come_back(client, state, "code-1")
    with later(hours=3):
        assert come_back(client, state, "code-1").location == "/me/privacy"
    assert wechat.exchanges == 1


def test_second_code_for_the_same_state_is_refused(app, client, wechat):
    wechat.person("code-1", "openid-1")
    wechat.person("code-2", "openid-2")
    state = start(client)
    come_back(client, state, "code-1")
    client.delete_cookie("zt")
    answer = come_back(client, state, "code-2")
    assert answer.status_code == 403
    assert "_user_id" not in session_of(client)


def test_allowed_again_after_going_back_goes_onward_as_the_same_person(client, wechat):
    """The Back button leads to WeChat's page, which hands out a new code for the old state."""
    wechat.person("code-1", "openid-1")
    wechat.person("code-2", "openid-2")
    state = start(client)
    come_back(client, state, "code-1")
    before = session_of(client)
    again = come_back(client, state, "code-2")
    assert (again.status_code, again.location) == (302, "/me/privacy")
    assert session_of(client) == before
    assert wechat.exchanges == 1


def test_state_of_another_browser_is_refused(app, client, wechat):
    wechat.person("code-1", "openid-attacker")
    attacker_state = start(app.test_client())
    answer = come_back(client, attacker_state, "code-1")
    assert answer.status_code == 403
    assert "重新登录" in answer.text
    assert wechat.exchanges == 0
    assert "_user_id" not in session_of(client)


def test_leaked_code_in_another_browser_gets_no_session(app, client, wechat):
    """Even with an own valid state: the code belongs to the attempt it was first seen with."""
    wechat.person("code-1", "openid-1")
    come_back(client, start(client), "code-1")
    thief = app.test_client()
    answer = come_back(thief, start(thief), "code-1")
    assert answer.status_code == 403
    assert "_user_id" not in session_of(thief)


def test_forged_pre_login_cookie_is_a_strange_browser(app, client, wechat):
    wechat.person("code-1", "openid-1")
    state = start(client)
    client.set_cookie("zt_login", "WyJ4IixbXV0.forged", path="/wechat")
    assert come_back(client, state, "code-1").status_code == 403


def test_stale_callback_restarts_instead_of_failing(client, wechat):
    state = start(client)
    with later(minutes=11):
        answer = come_back(client, state, "code-1")
    assert answer.location.startswith("https://open.example/authorize")
    assert wechat.exchanges == 0


def test_snapshot_user_reads_on_and_becomes_no_member(client, wechat):
    wechat.person("code-1", "virtual", snapshot=True)
    answer = come_back(client, start(client), "code-1")
    assert "使用完整服务" in answer.text
    assert (count(Member), count(WeChatIdentity)) == (0, 0)
    assert "_user_id" not in session_of(client)


def test_refusal_at_wechat_leads_back_with_a_friendly_page(client, wechat):
    answer = come_back(client, start(client, "/deals/a/bookings/new", "/deals/a"), None)
    assert answer.status_code == 200
    assert "您取消了登录" in answer.text
    assert 'href="/deals/a"' in answer.text
    assert "/wechat/login?next=/deals/a/bookings/new" in answer.text
    assert wechat.exchanges == 0


def test_wechat_being_down_is_said_and_can_be_tried_again(client, wechat):
    wechat.down = True
    wechat.person("code-1", "openid-1")
    answer = come_back(client, start(client), "code-1")
    assert answer.status_code == 503
    assert "重新登录" in answer.text


def test_missing_profile_does_not_stop_a_login(client, wechat):
    wechat.profile_fails = True
    sign_in(client, wechat)
    assert count(Member) == 1


def test_head_request_does_not_use_up_the_code(client, wechat):
    wechat.person("code-1", "openid-1")
    state = start(client)
    assert client.head("/wechat/callback", query_string={"state": state, "code": "code-1"}).status_code == 404
    assert come_back(client, state, "code-1").location == "/me/privacy"


@pytest.mark.parametrize("evil", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example"])
def test_login_never_leads_to_another_host(client, wechat, evil):
    wechat.person("code-1", "openid-1")
    assert come_back(client, start(client, evil), "code-1").location == "/"
    assert client.get("/wechat/login", query_string={"next": evil}).location == "/"


@pytest.mark.parametrize(("agent", "has_code"), [(DESKTOP, True), (ANDROID.split(" MicroMessenger")[0], False)])
def test_outside_wechat_a_page_says_where_to_open_it(client, agent, has_code):
    page = client.get("/wechat/login?next=/me", headers={"User-Agent": agent})
    assert page.status_code == 200
    assert "请在微信中打开" in page.text
    assert ("<svg" in page.text.split('class="qr"')[-1] and 'class="qr"' in page.text) is has_code
    assert "go=1" in page.text


def test_inside_wechat_the_login_starts_at_once(client):
    answer = client.get("/wechat/login?next=/me", headers={"User-Agent": ANDROID})
    assert answer.status_code == 302


@pytest.mark.both_databases
@pytest.mark.race
def test_callback_twice_at_the_same_moment_exchanges_once_and_logs_in_both(app, wechat):
    wechat.person("code-1", "openid-1")
    client = app.test_client()
    state = start(client)
    cookie = client.get_cookie("zt_login", path="/wechat").value
    wechat.gate.clear()

    def twin(_number: int):
        browser = app.test_client()
        browser.set_cookie("zt_login", cookie, path="/wechat")
        return come_back(browser, state, "code-1")

    threading.Timer(0.4, wechat.gate.set).start()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(twin, range(4)))
    assert [(a.status_code, a.location) for a in answers] == [(302, "/me/privacy")] * 4
    assert wechat.exchanges == 1
    assert count(Member) == 1


@pytest.mark.both_databases
@pytest.mark.race
def test_first_logins_on_two_devices_make_one_member(app, wechat):
    for number in range(4):
        wechat.person(f"code-{number}", "openid-1")

    def device(number: int):
        browser = app.test_client()
        return come_back(browser, start(browser), f"code-{number}").status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(device, range(4))) == [302] * 4
    assert (count(Member), count(WeChatIdentity)) == (1, 1)


def test_member_page_sends_a_stranger_to_the_login_and_back(client):
    answer = client.get("/me/privacy?x=1", headers={"Referer": "http://localhost/deals/a"})
    assert answer.status_code == 302
    assert answer.location == "/wechat/login?next=/me/privacy?x%3D1&back=/deals/a"
    assert answer.headers["Cache-Control"] == "no-store"


def test_fragment_request_of_a_stranger_moves_the_whole_page(client):
    answer = client.get(
        "/me/privacy", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/series/yx-s5"}
    )
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"].startswith("/wechat/login?next=/series/yx-s5")


def test_logout_ends_the_session_and_the_back_button_does_not_bring_it_back(client, wechat):
    wechat.person("code-1", "openid-1")
    state = start(client)
    come_back(client, state, "code-1")
    assert client.get("/me/privacy").headers["Cache-Control"] == "no-store"
    answer = client.post("/logout", data={"csrf_token": csrf(client, "/me/privacy")})
    assert (answer.status_code, answer.location) == (303, "/")
    assert client.get("/me/privacy").status_code == 302
    assert come_back(client, state, "code-1").status_code == 403


def test_raising_the_version_ends_every_session(app, client, wechat):
    sign_in(client, wechat)
    assert client.get("/me/privacy").status_code == 200
    with transaction() as session:
        session.scalars(select(Member)).one().session_version += 1
    assert client.get("/me/privacy").status_code == 302


def test_session_lasts_thirty_days_from_the_last_visit(client, wechat):
    sign_in(client, wechat)
    assert "Set-Cookie" not in client.get("/me/privacy/export").headers
    with later(days=25):
        assert "Set-Cookie" in client.get("/me/privacy/export").headers
    with later(days=50):
        assert client.get("/me/privacy/export").status_code == 200


def test_fetching_ahead_begins_no_login(client, wechat):
    """Otherwise the state of the tap that follows would meet the cookie of the fetch, and be refused."""
    guess = {"Sec-Purpose": "prefetch;anonymous-client-ip"}
    for path in ("/deals/a/queue", "/wechat/login?go=1"):
        answer = client.get(path, headers={**guess, "User-Agent": ANDROID})
        assert (answer.status_code, answer.headers["Cache-Control"]) == (503, "no-store"), path
        assert "Set-Cookie" not in answer.headers
    assert client.get("/deals/a/queue").status_code == 302
