"""Login by phone outside WeChat, sessions that die at logout, and the profile taken over after a tap."""

import io
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from PIL import Image
from sqlalchemy import select

from app.core import outbox
from app.core.db import db
from app.core.errors import GatewayError
from app.gateways.wechat.port import WeChatProfile
from app.members import rules
from app.members.errors import CodeLimited, CodeWrong
from app.members.models import Member, MemberAvatar, WeChatIdentity
from app.members.queries import has_consent, list_consents
from app.members.services import request_code, sign_in_by_phone, withdraw_consent
from tests.client import check
from tests.members.wechat import ANDROID, come_back, csrf, sign_in

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
SECRET, PHONE = "s" * 40, "13900000000"


def newest_code() -> str:
    row = select(outbox.OutboxMessage).order_by(outbox.OutboxMessage.id.desc()).limit(1)
    code = str(db.session.scalars(row).one().payload["code"])
    db.session.rollback()
    return code


def ask(phone: str = PHONE, device: str = "d1", after: int = 0, address: str = "10.0.0.1") -> str:
    request_code(None, phone, address, NOW + timedelta(seconds=after), secret=SECRET, device=device)
    return newest_code()


def enter(code: str, device: str = "d1", phone: str = PHONE) -> int:
    return sign_in_by_phone(phone, code, device, NOW + timedelta(seconds=30), secret=SECRET)


@pytest.mark.both_databases
def test_the_same_number_is_the_same_member(app) -> None:
    first = enter(ask())
    assert enter(ask(after=61, device="d2"), "d2") == first
    assert db.session.get_one(Member, first).phone == PHONE


def test_a_code_works_once_and_in_the_browser_that_asked(app) -> None:
    code = ask()
    with pytest.raises(CodeWrong):
        enter(code, "d2")
    enter(code)
    with pytest.raises(CodeWrong):
        enter(code)


def test_five_tries_and_no_more(app) -> None:
    code = ask()
    for _ in range(5):
        with pytest.raises(CodeWrong):
            enter(f"{(int(code) + 1) % 1000000:06d}")
    with pytest.raises(CodeWrong):
        enter(code)


def test_a_device_asks_ten_times_an_hour_whatever_the_number(app) -> None:
    for number in range(10):
        ask(f"139{number:08d}", after=number)
    with pytest.raises(CodeLimited):
        ask("13911111111", after=20)
    ask("13911111111", after=21, device="d2")
    ask("13911111112", after=3700)


def test_of_several_accounts_the_last_to_prove_the_number_is_meant(app) -> None:
    from tests.booking import shop as s

    old, new = s.member(PHONE).id, s.member(PHONE).id
    assert old
    assert new
    assert enter(ask()) == new


def log_in(client, phone: str = PHONE, next_path: str = "/me/privacy"):
    token = csrf(client, f"/login/phone?next={next_path}")
    sent = client.post("/login/phone/codes", data={"csrf_token": token, "phone": phone, "next": next_path})
    form = {"csrf_token": token, "phone": phone, "code": newest_code(), "next": next_path}
    return sent, client.post("/login/phone", data=form)


def test_known_and_unknown_numbers_get_the_same_answers(app, client, wechat) -> None:
    from tests.booking import shop as s

    s.member(PHONE)
    answers = []
    for phone in (PHONE, "13911112222"):
        sent, entered = log_in(app.test_client(), phone)
        words = re.sub(r"I[mj][\w.-]{40,}", "TOKEN", sent.text).replace(phone, "")
        answers.append((sent.status_code, words, entered.status_code, entered.location))
    assert answers[0] == answers[1]
    assert answers[0][0] == 200
    assert answers[0][2:] == (303, "/me/privacy")


def test_the_pages_of_the_phone_login(app, client, wechat) -> None:
    outside = client.get("/wechat/login?next=/me/privacy").text
    check(outside, whole=True)
    assert "/login/phone?next=/me/privacy" in outside
    check(client.get("/login/phone?next=/me/privacy").text, whole=True)
    token = csrf(client, "/login/phone")
    for path in ("/login/phone", "/login/phone/codes"):
        wrong = client.post(path, data={"csrf_token": token, "phone": "123", "code": "1"})
        assert wrong.status_code == 422
        check(wrong.text, whole=True)
    part = client.post("/login/phone/codes", data={"csrf_token": token, "phone": PHONE}, headers={"HX-Request": "true"})
    check(part.text, whole=False)
    assert client.post("/login/phone", data={"csrf_token": token, "phone": PHONE, "code": "000000"}).status_code == 422
    for evil in ("//evil.example", "https://evil.example", "/login/phone", "/wechat/login"):
        assert rules.local_path(evil) is None


def test_a_login_by_phone_rotates_the_session(client, wechat) -> None:
    with client.session_transaction() as session:
        session["planted"] = "x"
    _, answer = log_in(client)
    assert answer.location == "/me/privacy"
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session["sid"]
    assert client.get("/me/privacy").status_code == 200
    assert client.get("/login/phone?next=/me").location == "/me"


# ---- sessions


def test_a_cookie_copied_before_logout_opens_nothing_after_it(app, client, wechat) -> None:
    sign_in(client, wechat)
    copied = client.get_cookie("zt").value
    other = app.test_client()
    sign_in(other, wechat)
    client.post("/logout", data={"csrf_token": csrf(client, "/me/privacy")})
    thief = app.test_client()
    thief.set_cookie("zt", copied)
    assert thief.get("/me/privacy").status_code == 302
    assert other.get("/me/privacy").status_code == 200


def test_signing_out_everywhere_else_keeps_this_browser(app, client, wechat) -> None:
    sign_in(client, wechat)
    other = app.test_client()
    sign_in(other, wechat)
    client.post("/me/privacy/sessions", data={"csrf_token": csrf(client, "/me/privacy")})
    assert client.get("/me/privacy").status_code == 200
    assert other.get("/me/privacy").status_code == 302


# ---- profile


def picture(size: tuple[int, int] = (640, 640)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def portrait(wechat):
    wechat.fetch_profile = lambda token, openid: WeChatProfile(openid, None, "示例\n顾客甲 🚗", "https://x.qlogo.cn/a")
    wechat.fetch_avatar = lambda url: picture()
    return wechat


def adopt(client, wechat, code: str, openid: str):
    token = csrf(client, "/me/profile")
    answer = client.post("/me/profile/wechat", data={"csrf_token": token}, headers={"User-Agent": ANDROID})
    assert answer.status_code == 303
    assert "scope=snsapi_userinfo" in answer.location
    wechat.person(code, openid)
    return come_back(client, answer.location.rpartition("state=")[2], code)


def test_picture_and_name_come_after_a_tap_and_go_with_the_consent(app, client, portrait) -> None:
    sign_in(client, portrait)
    check(client.get("/me/profile").text, whole=True)
    assert client.get("/me/avatar").status_code == 404
    assert adopt(client, portrait, "code-p", "openid-1").location == "/me/profile"
    who = db.session.scalars(select(Member)).one()
    assert who.nickname == "示例顾客甲 🚗"
    assert has_consent(who.id, rules.PROFILE)
    shown = client.get("/me/avatar")
    with Image.open(io.BytesIO(shown.data)) as image:
        assert (image.format, image.size) == ("WEBP", (132, 132))
    check(client.get("/me/profile").text, whole=True)
    assert app.test_client().get("/me/avatar").status_code == 302
    withdraw_consent(who.id, list_consents(who.id)[0].id, NOW)
    db.session.rollback()
    assert db.session.scalars(select(Member.nickname)).one() == ""
    assert db.session.scalars(select(MemberAvatar)).all() == []


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"0" * 50, picture((3000, 2000))])
def test_a_picture_that_is_none_does_no_harm(client, portrait, content: bytes) -> None:
    portrait.fetch_avatar = lambda url: content
    sign_in(client, portrait)
    assert adopt(client, portrait, "code-p", "openid-1").location == "/me/profile"
    assert db.session.scalars(select(MemberAvatar)).all() == []
    assert db.session.scalars(select(Member.nickname)).one()


def test_a_phone_member_gets_a_wechat_identity_once(app, client, portrait) -> None:
    log_in(client)
    assert adopt(client, portrait, "code-p", "openid-new").location == "/me/profile"
    assert len(db.session.scalars(select(WeChatIdentity)).all()) == 1


def test_somebody_elses_wechat_offers_to_join_instead(app, client, portrait) -> None:
    sign_in(app.test_client(), portrait, "openid-other")
    log_in(client)
    assert adopt(client, portrait, "code-p", "openid-other").location == "/me/merge"
    assert "确认合并" in client.get("/me/merge").text
    assert db.session.scalars(select(MemberAvatar)).all() == []
    client.post("/me/merge", data={"csrf_token": csrf(client, "/me/merge")})
    db.session.rollback()
    owner = db.session.scalars(select(WeChatIdentity.member_id)).one()
    assert db.session.get_one(Member, owner).phone == PHONE


def test_a_snapshot_or_a_failure_brings_no_profile(client, portrait) -> None:
    sign_in(client, portrait)
    portrait.person("snap", "virtual", snapshot=True)
    token = csrf(client, "/me/profile")
    away = client.post("/me/profile/wechat", data={"csrf_token": token}, headers={"User-Agent": ANDROID}).location
    assert "使用完整服务" in come_back(client, away.rpartition("state=")[2], "snap").text

    def fail(token: str, openid: str) -> WeChatProfile:
        raise GatewayError("wechat", "timeout")

    portrait.fetch_profile = fail
    assert adopt(client, portrait, "code-q", "openid-1").status_code == 503
    assert db.session.scalars(select(Member.nickname)).one() == ""


def test_a_unionid_joins_the_apps_of_one_owner(app, client, wechat) -> None:
    from app.core.db import transaction

    sign_in(client, wechat)
    with transaction():
        db.session.query(WeChatIdentity).update({"app_id": "wx-other", "openid": "o-elsewhere"})
    sign_in(app.test_client(), wechat)
    assert len(db.session.scalars(select(Member.id)).all()) == 1
    assert len(db.session.scalars(select(WeChatIdentity.id)).all()) == 2


def test_stale_trips_are_not_kept_for_the_profile(client, portrait) -> None:
    sign_in(client, portrait)
    token = csrf(client, "/me/profile")
    away = client.post("/me/profile/wechat", data={"csrf_token": token}, headers={"User-Agent": ANDROID}).location
    state = away.rpartition("state=")[2]
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        again = come_back(client, state, "code-x")
    assert "scope=snsapi_userinfo" in again.location
    assert come_back(client, state, None).location == "/me/profile"
