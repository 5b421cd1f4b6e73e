"""Verification codes: limits, tries, one use, and what is never written down."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from app.core import logs, outbox
from app.core.db import db, transaction
from app.core.errors import GatewayError
from app.gateways.sms.port import SmsLimited, SmsTemplate
from app.members import rules
from app.members.errors import CodeLimited, CodeTooSoon, CodeWrong, PhoneInvalid
from app.members.models import Member, PhoneCode
from app.members.queries import has_verified_phone
from app.members.services import purge_traces, request_code, verify_code
from tests.members.wechat import csrf, sign_in

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
SECRET = "s" * 40
PHONE = "13900000000"


def member() -> int:
    with transaction() as session:
        row = Member(created_at=NOW, last_login_at=NOW)
        session.add(row)
        session.flush()
        return row.id


def ask(member_id: int, phone: str = PHONE, address: str = "10.0.0.1", after: int = 0) -> str:
    """Ask for a code `after` seconds; the code as the message will carry it."""
    request_code(member_id, phone, address, NOW + timedelta(seconds=after), secret=SECRET)
    newest = select(outbox.OutboxMessage).order_by(outbox.OutboxMessage.id.desc()).limit(1)
    return db.session.scalars(newest).one().payload["code"]


def verify(member_id: int, code: str, phone: str = PHONE, after: int = 0) -> str:
    return verify_code(member_id, phone, code, NOW + timedelta(seconds=after), secret=SECRET)


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1000000:06d}"


@pytest.mark.both_databases
def test_right_code_proves_the_phone_once(app):
    who = member()
    code = ask(who, "139 0000 0000")
    assert verify(who, f" {code} ") == PHONE
    assert has_verified_phone(who, PHONE)
    assert not has_verified_phone(who, "13900000001")
    with pytest.raises(CodeWrong):
        verify(who, code)


def test_neither_code_nor_phone_is_kept_in_clear(app):
    who = member()
    code = ask(who)
    row = db.session.scalars(select(PhoneCode)).one()
    kept = " ".join([row.code_digest, row.phone_digest, row.address_digest])
    assert code not in kept
    assert PHONE not in kept
    assert "10.0.0.1" not in kept


@pytest.mark.both_databases
def test_five_tries_are_counted_even_though_they_fail(app):
    who = member()
    code = ask(who)
    for _ in range(5):
        with pytest.raises(CodeWrong):
            verify(who, other(code))
    with pytest.raises(CodeWrong):
        verify(who, code)
    assert not has_verified_phone(who, PHONE)


def test_code_dies_after_five_minutes_and_with_its_successor(app):
    who = member()
    old = ask(who)
    with pytest.raises(CodeWrong):
        verify(who, old, after=300)
    new = ask(who, after=61)
    if old != new:
        with pytest.raises(CodeWrong):
            verify(who, old, after=62)
    assert verify(who, new, after=62)


def test_code_of_another_member_or_phone_does_not_fit(app):
    who, stranger = member(), member()
    code = ask(who)
    for wrong in [(stranger, code, PHONE), (who, code, "13900000001")]:
        with pytest.raises(CodeWrong):
            verify(*wrong)
    with pytest.raises(PhoneInvalid):
        verify(who, code, "123")


def test_a_try_cannot_be_undone_by_a_surrounding_transaction(app):
    who = member()
    code = ask(who)
    with pytest.raises(RuntimeError, match="durable"), transaction():
        verify(who, code)


@pytest.mark.both_databases
def test_one_code_a_minute_and_five_an_hour_for_a_phone(app):
    members = [member() for _ in range(6)]
    ask(members[0])
    with pytest.raises(CodeTooSoon) as refusal:
        ask(members[1], after=18)
    assert refusal.value.wait_seconds == 42
    for number in range(1, 5):
        ask(members[number], after=60 * number)
    with pytest.raises(CodeLimited):
        ask(members[5], after=300)
    ask(members[5], after=3601)


def test_five_codes_an_hour_for_a_member_whatever_the_phone(app):
    who = member()
    for number in range(5):
        ask(who, f"1390000000{number}")
    with pytest.raises(CodeLimited):
        ask(who, "13900000009")


def test_a_crowd_behind_one_address_is_served_and_still_bounded(app, monkeypatch):
    assert 100 <= rules.PER_ADDRESS <= 500
    monkeypatch.setattr(rules, "PER_ADDRESS", 20)
    for number in range(20):
        ask(member(), f"139000000{number:02d}")
    with pytest.raises(CodeLimited):
        ask(member(), "13900000099")
    ask(member(), "13900000099", address="10.0.0.2")


@pytest.mark.both_databases
@pytest.mark.race
def test_requests_at_the_same_moment_send_one_code(app):
    who = member()

    def tap(_number: int) -> str:
        with app.app_context():
            try:
                request_code(who, PHONE, "10.0.0.1", NOW, secret=SECRET)
            except CodeTooSoon:
                return "too soon"
            return "sent"

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(tap, range(6))) == ["sent"] + ["too soon"] * 5
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(outbox.OutboxMessage)) == 1


@pytest.mark.both_databases
@pytest.mark.race
def test_parallel_guesses_get_five_tries_in_all(app):
    who = member()
    code = ask(who)

    def guess(_number: int) -> None:
        with app.app_context(), pytest.raises(CodeWrong):
            verify(who, other(code))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(guess, range(12)))
    db.session.rollback()
    assert db.session.scalars(select(PhoneCode.tries)).one() == 5


class FakeSms:
    def __init__(self, error: GatewayError | None = None) -> None:
        self.sent: list[tuple[SmsTemplate, str, list[str], str]] = []
        self.error = error

    def send(self, template: SmsTemplate, phone: str, params: list[str], *, key: str) -> str:
        self.sent.append((template, phone, params, key))
        if self.error:
            raise self.error
        return "serial"


def test_worker_sends_the_code_and_forgets_it(app, capsys):
    logs.configure(production=False)
    sms = app.extensions["sms"] = FakeSms()
    with time_machine.travel(NOW, tick=False):
        code = ask(member())
        assert outbox.deliver_due() == 1
        assert outbox.deliver_due() == 0
    assert sms.sent == [(SmsTemplate.VERIFICATION_CODE, PHONE, [code, "5"], sms.sent[0][3])]
    db.session.rollback()
    assert db.session.scalars(select(outbox.OutboxMessage.payload)).one() == {}
    said = "".join(capsys.readouterr())
    assert code not in said
    assert PHONE not in said


def test_code_that_died_in_the_queue_is_not_sent(app):
    sms = app.extensions["sms"] = FakeSms()
    ask(member())
    with time_machine.travel(NOW + timedelta(minutes=6), tick=False):
        outbox.deliver_due()
    assert sms.sent == []


@pytest.mark.parametrize(
    ("error", "texts"),
    [
        (GatewayError("sms", "timeout", retryable=True), 1),  # the text may have gone out
        (GatewayError("sms", "cut_off", retryable=True), 1),
        (GatewayError("sms", "http_502", retryable=True), 1),
        (GatewayError("sms", "FailedOperation.InsufficientBalanceInSmsPackage"), 1),
        (GatewayError("sms", "unreachable", retryable=True), 2),
        (GatewayError("sms", "http_429", retryable=True), 2),
        (GatewayError("sms", "RequestLimitExceeded", retryable=True), 2),
        (SmsLimited("sms", "LimitExceeded.PhoneNumberThirtySecondLimit"), 2),
    ],
    ids=lambda value: getattr(value, "code", value),
)
def test_one_request_sends_one_text_whatever_the_provider_answers(app, capsys, error, texts):
    logs.configure(production=False)  # to the stream that is read here
    sms = app.extensions["sms"] = FakeSms(error)
    with time_machine.travel(NOW, tick=False):
        code = ask(member())
        outbox.deliver_due()
    with time_machine.travel(NOW + timedelta(seconds=30), tick=False):
        outbox.deliver_due()
    assert len(sms.sent) == texts
    db.session.rollback()
    row = db.session.scalars(select(outbox.OutboxMessage)).one()
    assert row.state == ("sent" if texts == 1 else "pending")
    said = "".join(capsys.readouterr())
    assert error.code in said or texts == 2
    assert code not in said
    assert PHONE not in said


def test_old_traces_are_removed(app):
    ask(member())
    assert purge_traces(NOW + timedelta(hours=20)) == 0
    assert purge_traces(NOW + timedelta(hours=25)) == 1


def test_a_code_is_sent_although_the_rows_before_it_were_purged(app):
    """SQLite gives the ids of purged rows out again; what is sent must not be taken for what was sent then."""
    sms = app.extensions["sms"] = FakeSms(None)
    person = member()
    for day in range(3):
        at = NOW + timedelta(days=2 * day)
        with time_machine.travel(at, tick=False):
            purge_traces(at)
            request_code(person, PHONE, "10.0.0.1", at, secret=SECRET)
            outbox.deliver_due()
    assert len(sms.sent) == 3


def test_button_of_a_form_gets_its_part_back_with_words_for_the_wait(client, wechat):
    sign_in(client, wechat)
    token = csrf(client, "/me/phone")
    head = {"HX-Request": "true", "X-CSRFToken": token}
    answer = client.post("/me/phone/codes", data={"phone": "139 0000 0000", "code": ""}, headers=head)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="phone_code"')
    assert 'data-wait="60"' in answer.text
    assert "toast" in answer.headers["HX-Trigger"]
    again = client.post("/me/phone/codes", data={"phone": PHONE}, headers=head)
    assert again.status_code == 422
    assert "秒后可以重新获取" in again.text
    wrong = client.post("/me/phone/codes", data={"phone": "139"}, headers=head)
    assert wrong.status_code == 422
    assert "11 位手机号" in wrong.text


def test_without_javascript_a_page_takes_the_code_and_leads_back(app, client, wechat):
    sign_in(client, wechat)
    token = csrf(client, "/me/phone")
    page = client.post(
        "/me/phone/codes",
        data={"phone": PHONE, "csrf_token": token},
        headers={"Referer": "http://localhost/deals/a/bookings/new"},
    )
    assert "<h1>" in page.text
    assert "/deals/a/bookings/new" in page.text
    db.session.rollback()
    code = db.session.scalars(select(outbox.OutboxMessage)).one().payload["code"]
    form = {"phone": PHONE, "csrf_token": token, "next": "/deals/a/bookings/new"}
    wrong = client.post("/me/phone", data=form | {"code": other(code)})
    assert wrong.status_code == 422
    assert "验证码不对" in wrong.text
    done = client.post("/me/phone", data=form | {"code": code})
    assert (done.status_code, done.location) == (303, "/deals/a/bookings/new")


def test_asking_without_end_is_stopped_by_a_sentence_for_this_member_alone(app, client, wechat):
    sign_in(client, wechat)
    head = {"X-CSRFToken": csrf(client, "/me/phone")}
    answers = [client.post("/me/phone/codes", data={"phone": "1"}, headers=head) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [422] * 20 + [429]
    assert "操作太频繁了" in answers[-1].text
    neighbour = app.test_client()
    sign_in(neighbour, wechat, "openid-2")
    head = {"X-CSRFToken": csrf(neighbour, "/me/phone")}
    assert neighbour.post("/me/phone/codes", data={"phone": "1"}, headers=head).status_code == 422


def test_stranger_gets_no_code(client):
    assert client.post("/me/phone/codes", data={"phone": PHONE}).status_code == 419
