"""Operators: password and one-time code, five tries, each code once, twelve hours."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from sqlalchemy import event, select, update

from app.admin import rules
from app.admin.errors import LoginFailed, LoginTaken, PasswordWeak
from app.admin.models import Operator
from app.admin.services import create_operator, sign_in_operator
from app.core import outbox
from app.core.db import db, transaction
from tests.members.wechat import csrf
from tests.staff.people import dealer, staff

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
MINUTE = timedelta(minutes=1)


def operator(login: str = "chief") -> str:
    """The secret of a new operator."""
    _, uri = create_operator(login, PASSWORD, NOW)
    return parse_qs(urlsplit(uri).query)["secret"][0]


def code(secret: str, at: datetime = NOW) -> str:
    return rules.one_time_code(secret, int(at.timestamp()) // 30)


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_one_time_codes_are_those_of_rfc_6238(seconds, digits):
    secret = rules.encode_secret(b"12345678901234567890")
    assert rules.one_time_code(secret, seconds // 30) == digits


@pytest.mark.parametrize(("drift", "fits"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_off(drift, fits):
    secret = rules.encode_secret(b"12345678901234567890")
    shown = code(secret, NOW + timedelta(seconds=drift))
    assert (rules.matching_step(secret, shown, NOW) is not None) is fits


@pytest.mark.both_databases
def test_password_and_code_let_an_operator_in_once_a_code(app):
    secret = operator()
    assert sign_in_operator("chief", PASSWORD, code(secret), NOW).login == "chief"
    with pytest.raises(LoginFailed):
        sign_in_operator("chief", PASSWORD, code(secret), NOW)
    later = NOW + MINUTE
    assert sign_in_operator("chief", PASSWORD, code(secret, later), later)
    with pytest.raises(LoginFailed):  # an older code than the last one used
        sign_in_operator("chief", PASSWORD, code(secret, later - timedelta(seconds=30)), later)


@pytest.mark.both_databases
def test_five_failures_lock_for_a_quarter_of_an_hour_whatever_failed(app):
    secret = operator()
    for number in range(5):
        wrong = (PASSWORD, "000000") if number % 2 else ("wrong password", code(secret))
        with pytest.raises(LoginFailed):
            sign_in_operator("chief", *wrong, NOW)
    with pytest.raises(LoginFailed):
        sign_in_operator("chief", PASSWORD, code(secret), NOW)
    later = NOW + 15 * MINUTE
    assert sign_in_operator("chief", PASSWORD, code(secret, later), later)


def test_success_forgives_failures(app):
    secret = operator()
    for round_number in range(3):
        at = NOW + round_number * MINUTE
        for _ in range(4):
            with pytest.raises(LoginFailed):
                sign_in_operator("chief", "wrong password", "000000", at)
        assert sign_in_operator("chief", PASSWORD, code(secret, at), at)


@pytest.mark.both_databases
@pytest.mark.race
def test_many_guesses_at_once_are_five_tries(app):
    secret = operator()

    def guess(_number: int) -> None:
        with app.app_context(), pytest.raises(LoginFailed):
            sign_in_operator("chief", "wrong password", code(secret), NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(guess, range(8)))
    db.session.rollback()
    row = db.session.scalars(select(Operator)).one()
    assert row.failed_tries == 5
    assert row.locked_until == NOW + 15 * MINUTE


def test_unknown_login_gets_the_same_answer(app):
    with pytest.raises(LoginFailed):
        sign_in_operator("nobody", PASSWORD, "000000", NOW)


def test_unknown_login_costs_the_same_statements(app):
    operator()
    said: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: said.append(given[2].split("WHERE")[0]))
    told = []
    for login in ("chief", "nobody"):
        said.clear()
        with pytest.raises(LoginFailed):
            sign_in_operator(login, "wrong password", "000000", NOW)
        db.session.rollback()
        told.append(list(said))
    assert told[0] == told[1]
    assert len(told[0]) >= 4


def test_tenth_login_a_minute_is_the_last_for_an_address(client):
    operator()
    form = {"csrf_token": csrf(client, "/admin/login"), "login": "chief", "password": "wrong", "code": "123456"}
    answers = [client.post("/admin/login", data=form) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert "操作太频繁了" in answers[-1].text


def test_password_is_kept_as_argon2_and_logins_are_unique(app):
    operator()
    assert db.session.scalars(select(Operator.password_hash)).one().startswith("$argon2id$")
    with pytest.raises(LoginTaken):
        operator()
    with pytest.raises(PasswordWeak):
        create_operator("other", "short", NOW)


def sign_in(client, secret: str, at: datetime = NOW, next_path: str = ""):
    token = csrf(client, "/admin/login")
    form = {"csrf_token": token, "login": "chief", "password": PASSWORD, "code": code(secret, at), "next": next_path}
    return client.post("/admin/login", data=form)


@pytest.fixture
def client(app):
    with time_machine.travel(NOW, tick=False):
        yield app.test_client()


def test_stranger_is_sent_to_the_login_and_back(client):
    secret = operator()
    answer = client.get("/admin/staff?q=杭州")
    assert answer.status_code == 302
    assert answer.location.startswith("/admin/login?next=/admin/staff")
    assert sign_in(client, secret, next_path="/admin/staff").location == "/admin/staff"


@pytest.mark.parametrize("path", ["//evil.example", "/deals", "/adminx", "https://evil.example/admin"])
def test_login_leads_into_the_back_office_only(client, path):
    assert sign_in(client, operator(), next_path=path).location == "/admin"


def test_wrong_login_keeps_the_name_and_forgets_the_secrets(client):
    operator()
    token = csrf(client, "/admin/login")
    form = {"csrf_token": token, "login": "chief", "password": "wrong password", "code": "123456"}
    page = client.post("/admin/login", data=form)
    assert page.status_code == 422
    assert "账号、密码或动态码不对" in page.text
    assert 'value="chief"' in page.text
    assert "123456" not in page.text
    assert "wrong password" not in page.text


def test_session_ends_after_twelve_hours_with_the_version_and_by_logout(client):
    secret = operator()
    sign_in(client, secret)
    assert client.get("/admin").status_code == 200
    with time_machine.travel(NOW + timedelta(hours=12), tick=False):
        assert client.get("/admin").status_code == 302
    token = csrf(client, "/admin")
    with transaction() as session:
        session.execute(update(Operator).values(session_version=2))
    assert client.get("/admin").status_code == 302
    with transaction() as session:
        session.execute(update(Operator).values(session_version=1))
    assert client.post("/admin/logout", data={"csrf_token": token}).status_code == 303
    assert client.get("/admin").status_code == 302


def test_dashboard_shows_what_needs_an_eye(client):
    with transaction():
        outbox.add("sms_code", "sms_code:1", {})
        db.session.flush()
        db.session.execute(update(outbox.OutboxMessage).values(state="dead", last_error="GatewayError: timeout"))
    sign_in(client, operator())
    page = client.get("/admin")
    assert page.headers["Cache-Control"] == "no-store"
    for word in ("sms_code:1", "GatewayError: timeout", "登录后台", "后台账号"):
        assert word in page.text


def test_operator_finds_a_store_and_invites_its_manager(client):
    store = dealer("hz-01", "西湖文三路店")
    dealer("sh-01", "浦东店")
    clerk = staff(store)
    sign_in(client, operator())
    assert "浦东店" not in client.get("/admin/staff?q=西湖").text
    assert "没有找到门店" in client.get("/admin/staff?q=%25").text
    fragment = client.get("/admin/staff?q=hz-01", headers={"HX-Request": "true"}).text
    assert fragment.lstrip().startswith('<div id="dealers"')
    token = csrf(client, "/admin/staff/hz-01")
    page = client.post("/admin/staff/hz-01", data={"csrf_token": token, "name": "示例管理员"}).text
    assert re.search(r"http://127.0.0.1:8000/staff/invitations/[0-9a-f]{32}", page)
    assert "经销商管理员" in client.get("/admin/staff/hz-01").text
    assert client.post("/admin/staff/hz-01", data={"csrf_token": token, "name": ""}).status_code == 422
    assert client.get("/admin/staff/nowhere").status_code == 404
    done = client.post(f"/admin/staff/hz-01/{clerk.id}/dismissal", data={"csrf_token": token})
    assert done.status_code == 303
    assert "示例店员丙" not in client.get("/admin/staff/hz-01").text


def test_command_creates_an_operator_with_a_second_factor(app):
    runner = app.test_cli_runner()
    done = runner.invoke(args=["create-operator", "chief", "--generate"])
    assert done.exit_code == 0, done.output
    assert "otpauth://totp/" in done.output
    again = runner.invoke(args=["create-operator", "chief"], input=f"{PASSWORD}\n{PASSWORD}\n")
    assert again.exit_code == 1
    assert "已经存在" in again.output
