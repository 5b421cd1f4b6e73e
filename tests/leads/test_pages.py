"""The leads on screen, without scripts: the person, the store's phone, headquarters; and what leaves the house."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app.core import clock, outbox
from app.core.db import db, transaction
from app.core.errors import GatewayError
from app.core.security import Actor
from app.dealers.models import Dealer
from app.dealers.rules import DealerStatus
from app.gateways.leadsystem.client import sign
from app.leads.errors import OwnChoice
from app.leads.models import Lead
from app.leads.rules import sharing_text
from app.leads.services import displaced, escalation, number, progress, talk, telling
from app.members.models import Consent
from app.messages.models import InboxMessage
from app.staff.models import StaffMember
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import fields, sign_in
from tests.client import check
from tests.leads import desk as d
from tests.leads.desk import PHONE, Desk
from tests.operators import admin_client


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def desk(app: Flask) -> Desk:
    return d.build()


def staff_client(app: Flask, who: Actor) -> FlaskClient:
    return sign_in(app, Actor("member", db.session.get_one(StaffMember, who.id).member_id))


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, f"{path}: {answer.status_code}"
    check(answer.text, whole=True)
    return answer.text


def send(client: FlaskClient, path: str, html: str, status: int = 303, **data: Any):
    answer = client.post(path, data={"csrf_token": fields(html)["csrf_token"], **data})
    assert answer.status_code == status, answer.text
    return answer


def test_both_sides_without_scripts(app: Flask, desk: Desk) -> None:
    me, clerk = sign_in(app, desk.person), staff_client(app, desk.clerk)
    form = page(me, "/enquiries/new?trim=s5-a&city=杭州市&from=series")
    assert "不用留手机号" in form
    given = {name: fields(form)[name] for name in ("trim", "source", "idempotency_key")}
    assert "请选择 1 到 3 家门店" in send(me, "/enquiries/new", form, 422, **given).text
    assert "收不回来" in send(
        me, "/enquiries/new", form, 422, **given, dealers=[desk.west], note="13900002086").text  # fmt: skip
    both = {"dealers": [desk.west, desk.near], "note": "<b>白色</b>"}
    here = send(me, "/enquiries/new", form, **given, **both).headers["Location"]
    db.session.rollback()
    assert "&lt;b&gt;白色" in page(me, here)
    row = db.session.query(Lead).filter_by(dealer_id=desk.west).one()
    thread, at_store = f"{here}/stores/west", f"/staff/leads/{row.no}"
    assert f"客户 {row.mark[:4]}" in page(clerk, "/staff/leads")
    seen = page(clerk, at_store)
    assert PHONE not in seen
    assert "来源" in seen
    send(
        clerk, f"{at_store}/quote", seen, 422, kind="landing", price="99800", included=["tax"], valid_until="2026-11-30"
    )
    send(clerk, f"{at_store}/quote", seen, kind="bare", price="99,800", included=["gift"], valid_until="2026-11-30")
    send(clerk, f"{at_store}/messages", page(clerk, at_store), body="您好<script>'--", nonce="nonce-0001")
    mine = page(me, thread)
    assert "¥99,800" in mine or "99,800" in mine
    assert "您好&lt;script&gt;" in mine
    assert "比指导价低" in page(me, here)
    send(me, f"{thread}/messages", mine, body="周末来", nonce=fields(mine)["nonce"])
    assert me.get(f"{thread}/news?seen=x", headers={"HX-Request": "true"}).text.count("周末来") == 1
    db.session.rollback()
    text = next(line for line in mine.split('"') if line.startswith("我同意把我的姓名"))
    send(me, f"{thread}/number", mine, name="周样例", text=text)
    db.session.rollback()
    assert db.session.query(Consent).one().text_hash == hashlib.sha256(text.encode()).hexdigest()
    shown = send(clerk, f"{at_store}/contact", page(clerk, at_store), 200)
    assert PHONE in shown.text
    assert row.mark in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert "谁看过您的号码（1 次）" in page(me, thread)
    send(me, f"{thread}/number/withdrawal", mine)
    assert send(clerk, f"{at_store}/contact", page(clerk, at_store), 403).text.count(PHONE) == 0
    send(clerk, f"{at_store}/step", page(clerk, at_store), 422, step="closed")
    send(clerk, f"{at_store}/step", page(clerk, at_store), step="visiting")
    send(me, f"{thread}/stop", page(me, thread))
    assert "已关闭（您要求停止联系）" in page(me, thread)
    assert "不要再以任何方式" in page(clerk, at_store)
    assert page(staff_client(app, desk.other), f"/staff/leads/{row.no}", 404)
    assert "我的询价" in page(me, "/me")
    assert "岫 S5" in page(me, "/me/enquiries")
    assert "询价与线索" in page(clerk, "/staff")


def test_a_call_back_goes_to_one_store_by_its_own_consent(app: Flask, desk: Desk) -> None:
    me = sign_in(app, desk.person)
    form = page(me, "/enquiries/call/new?trim=s5-a&city=杭州市")
    assert "只给 1 家门店" in form
    assert " checked" not in form
    names = ("trim", "source", "idempotency_key", "dealer", "city")
    given: dict[str, Any] = {name: fields(form)[name] for name in names} | {"name": "周样例"}
    assert "请勾选同意" in send(me, "/enquiries/call/new", form, 422, **given).text
    here = send(me, "/enquiries/call/new", form, **given, share="y").headers["Location"]
    row = db.session.query(Lead).one()
    assert row.reason.startswith("推荐门店：承诺 2 小时内回复")
    assert "这家门店可以看到您的号码" in page(me, here)
    for place in ("lat=abc&lng=1", "lat=999&lng=0", "lat=NaN&lng=1", "lat=1e400&lng=1", "lat=30.2&lng=120.1"):
        assert me.get(f"/enquiries/stores?{place}", headers={"HX-Request": "true"}).status_code == 200
    assert "距离 0.0km" in me.get("/enquiries/stores?lat=30.2&lng=120.1", headers={"HX-Request": "true"}).text


def test_headquarters_see_masks_move_promise_trace_and_export(app: Flask, desk: Desk) -> None:
    (row,) = d.ask(desk)
    no = row.no
    chief = admin_client(app)
    for path in (
        "",
        "?late=1&first=2026-01-01&last=x&state=new&kind=price&dealer=west",
        "/promises?q=西湖",
        "/trace?mark=x",
    ):
        assert PHONE not in page(chief, f"/admin/leads{path}")
    home = page(chief, "/admin/leads")
    assert no in home
    send(chief, "/admin/leads/export", home, 422)
    sheet = send(chief, "/admin/leads/export", home, 200, reason="月度核对")
    assert sheet.mimetype == "text/csv"
    assert no in sheet.text
    assert "西湖店" in page(chief, f"/admin/leads/trace?mark={row.mark}")
    promises = page(chief, "/admin/leads/promises?q=滨江")
    send(chief, "/admin/leads/promises", promises, 422, dealer=str(desk.near), hours="99", takes="1")
    send(chief, "/admin/leads/promises?q=滨江", promises, dealer=str(desk.near), hours="1", takes="1")
    one = page(chief, f"/admin/leads/{no}")
    send(chief, f"/admin/leads/{no}/contact", one, 403, reason="核对")
    send(chief, f"/admin/leads/{no}/move", one, 422, reason="")
    there = send(chief, f"/admin/leads/{no}/move", one, reason="门店休假").headers["Location"]
    assert "滨江店" in page(chief, there)
    db.session.rollback()
    assert db.session.query(Lead).filter_by(dealer_id=desk.near).one().due_at == NOW + d.HOUR
    assert page(chief, "/admin/leads/L000", 404)
    manager = staff_client(app, desk.manager)
    assert send(manager, "/staff/leads/export", page(manager, "/staff/leads"), 200).mimetype == "text/csv"


class Maker:
    """A lead system that is down so many times."""

    def __init__(self, down: int = 0) -> None:
        self.down, self.taken = down, {}

    def tell(self, event_id: str, body: bytes) -> None:
        if self.down:
            self.down -= 1
            raise GatewayError("leads", "http_503", retryable=True)
        self.taken[event_id] = json.loads(body)


def test_the_lead_system_hears_of_everything_once_and_of_no_number_that_was_taken_back(app: Flask, desk: Desk) -> None:
    maker = app.extensions["leads"] = Maker(down=1)
    telling.use_lead_system(True)
    try:
        (row,) = d.ask(desk, kind="call", share=_text(), name="周样例")
        consent = db.session.query(Consent).one()
        assert outbox.deliver_due() == 0
        with time_machine.travel(NOW + d.HOUR, tick=False):
            assert outbox.deliver_due() == 1
            event = maker.taken[f"{row.no}-1"]
            assert event["event"] == "lead.created"
            assert event["contact"]["phone"] == PHONE
            assert event["contact"]["consent"]["text_sha256"] == consent.text_hash
            escalation.escalate_due(NOW + 3 * d.HOUR)
            from app.members.services import withdraw_consent

            withdraw_consent(desk.person.id or 0, consent.id, clock.now())
            outbox.deliver_due()
        assert maker.taken[f"{row.no}-2"]["event"] == "lead.escalated"
        assert maker.taken[f"{row.no}-2"]["contact"] is None
        assert [maker.taken[key]["sequence"] for key in sorted(maker.taken)] == [1, 2]
    finally:
        telling.use_lead_system(False)


def _text(kind: str = "call") -> str:
    return sharing_text("西湖店", kind)


def test_the_signature_is_over_the_raw_body_and_its_time() -> None:
    expected = hmac.new(b"s" * 32, b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert sign("s" * 32, "1700000000", b'{"a":1}') == f"v1={expected}"


def test_strangers_see_nothing(app: Flask, desk: Desk) -> None:
    (row,) = d.ask(desk)
    stranger = sign_in(app, s.member("13900001111"))
    assert page(stranger, f"/me/enquiries/{d.enquiry_no(row)}", 404)
    assert page(stranger, f"/me/enquiries/{d.enquiry_no(row)}/stores/west", 404)
    assert stranger.get(f"/staff/leads/{row.no}").status_code in (302, 303, 403)


@pytest.mark.both_databases
def test_a_store_by_its_address_needs_no_city(app: Flask, desk: Desk) -> None:
    me = sign_in(app, desk.person)
    form = page(me, "/enquiries/new?trim=s5-a&dealer=west")
    assert re.search(rf'name="dealers" value="{desk.west}" checked', form)
    assert form.count(" checked") == 1
    assert "请先选择城市" in page(me, "/enquiries/new?trim=s5-a&dealer=nobody")
    call = page(me, "/enquiries/call/new?trim=s5-a&dealer=near")
    assert "滨江店" in call
    given: dict[str, Any] = {name: fields(call)[name] for name in ("trim", "source", "idempotency_key", "dealer")}
    again = send(me, "/enquiries/call/new", call, 422, **given, name="周样例").text  # no consent, and still no city
    assert "滨江店" in again
    assert "周样例" in again
    send(me, "/enquiries/call/new", again, **given, name="周样例", share="y")
    db.session.rollback()
    assert db.session.query(Lead).one().dealer_id == desk.near
    send(me, "/enquiries/call/new", again, 422, **given | {"dealer": "9" * 18}, name="周样例", share="y")


def test_what_may_still_call_can_be_stopped(app: Flask, desk: Desk) -> None:
    (row,) = d.ask(desk)
    me, thread = sign_in(app, desk.person), f"/me/enquiries/{d.enquiry_no(row)}/stores/west"
    number.reveal(desk.person, d.enquiry_no(row), "west", "周样例", _text("price"), NOW)
    progress.record_step(desk.clerk, row.no, "ordered", "", NOW)
    ordered = page(me, thread)
    assert "收回号码" in ordered
    assert "停止联系" in ordered
    send(me, f"{thread}/number/withdrawal", ordered)
    kept = page(me, thread)
    assert "收回号码" not in kept
    assert "同意记录（1）" in kept
    assert "让这家门店看到" not in kept  # nothing is left to be called about
    send(me, f"{thread}/stop", kept)
    assert "停止联系" not in page(me, thread)


def test_a_store_under_stop_is_not_ticked_by_itself(app: Flask, desk: Desk) -> None:
    (row,) = d.ask(desk)
    progress.stop_own(desk.person, d.enquiry_no(row), "west", NOW)
    near = "/enquiries/stores?lat=30.2&lng=120.1"
    mine, anyone = sign_in(app, desk.person).get(near).text, app.test_client().get(near).text
    ticked = rf'value="{desk.west}" checked'
    assert re.search(ticked, anyone)
    assert not re.search(ticked, mine)
    assert "您曾要求这家门店停止联系" in mine


@pytest.mark.both_databases
def test_a_store_that_closed_is_told_of_and_left_by_the_own_tap_alone(app: Flask, desk: Desk) -> None:
    wanted = NOW + 22 * d.HOUR  # ten o'clock tomorrow
    (quoted,) = d.ask(desk)
    (visit,) = d.ask(desk, kind="inspection", share=_text("inspection"), name="周样例", wanted_at=wanted)
    (elsewhere,) = d.ask(desk, desk.near)
    talk.say_store(desk.clerk, quoted.no, "您好", "nonce-0001", NOW)
    assert displaced.settle(NOW) == 0
    shut(desk.west, DealerStatus.CLOSED)
    assert (displaced.settle(NOW), displaced.settle(NOW)) == (2, 0)
    told = db.session.query(InboxMessage).filter(InboxMessage.purpose.startswith("lead_closed"))
    assert sorted(row.purpose for row in told) == ["lead_closed", "lead_closed_visit"]
    assert "原约11月23日10:00" in told.filter_by(purpose="lead_closed_visit").one().body
    for hours in (3, 30, 90, 200):
        escalation.escalate_due(NOW + hours * d.HOUR)
    assert d.lead(visit.no).state == "new"  # nobody moves it for them
    with pytest.raises(OwnChoice):
        escalation.move(Actor("operator", 1), visit.no, "near", "代选", NOW)
    assert d.lead(elsewhere.no).displaced_at is None
    me, thread = sign_in(app, desk.person), f"/me/enquiries/{d.enquiry_no(visit)}/stores/west"
    assert "门店已停止营业" in page(me, thread.rsplit("/", 2)[0])
    shown = page(me, thread)
    assert "改请 滨江店" in shown
    send(me, f"{thread}/move", shown, 422, to="west")
    there = send(me, f"{thread}/move", shown, to="near").headers["Location"]
    assert there.endswith("/stores/near")
    assert send(me, f"{thread}/move", shown, to="near").headers["Location"] == there  # a second tap finds it done
    assert "让这家门店看到" in page(me, there)  # the number did not go along
    before, after = d.leads(d.enquiry_no(visit))
    assert (before.state, after.dealer_id, after.wanted_at) == ("moved", desk.near, wanted)
    assert db.session.query(Consent).filter(Consent.withdrawn_at.is_(None)).count() == 0
    shut(desk.west, DealerStatus.OPEN)
    assert displaced.settle(NOW + d.HOUR) == 1
    thread = f"/me/enquiries/{d.enquiry_no(quoted)}/stores/west"
    assert "改请" not in page(me, thread)
    send(me, f"{thread}/move", page(me, thread), 422, to="near")


def shut(dealer_id: int, status: DealerStatus) -> None:
    with transaction():
        db.session.get_one(Dealer, dealer_id).status = status
