"""叫顾问 and 签到: told to those on duty, answered by exactly one, over by itself; no login, no name."""

from datetime import timedelta

import pytest
import time_machine

from app.core import jobs
from app.core.db import db
from app.core.errors import NotFound
from app.instore.errors import AlreadyAnswered, CallOver, NobodyOnDuty, TooManyCalls
from app.instore.models import FloorCall
from app.instore.queries import desk, landing
from app.instore.rules import MOST_OPEN, CallKind, CallState, Kind
from app.instore.services import calls
from app.messages.models import InboxMessage
from app.staff import queries as staff
from app.staff.services import clock_in, clock_out
from app.visits.rules import Touch
from tests.booking import shop as s
from tests.booking.test_views import Wechat, fields, sign_in
from tests.client import Shopper
from tests.instore import codes as c

NOW = s.NOW
CALL = CallKind.CALL


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop(app):
    app.extensions["wechat"] = Wechat()
    return s.build()


@pytest.fixture
def stand(shop):
    return landing.get_stand(c.code(c.manager(shop.west), colour="").code)


@pytest.mark.both_databases
def test_call_is_told_to_those_on_duty_and_the_first_answer_counts(app, shop, stand):
    first, second = c.on_duty(shop.west, "王样例"), c.on_duty(shop.west, "赵样例")
    c.on_duty(shop.east, "钱样例")
    made = calls.ask(stand, CALL, "key-1", NOW)
    assert calls.ask(stand, CALL, "key-1", NOW).id == made.id
    assert db.session.query(InboxMessage).count() == 2
    calls.answer(first, made.id, NOW + timedelta(seconds=20))
    calls.answer(first, made.id, NOW + timedelta(seconds=21))
    with pytest.raises(AlreadyAnswered, match="王样例"):
        calls.answer(second, made.id, NOW + timedelta(seconds=22))
    line = desk.get_call(made.ref, NOW + timedelta(seconds=30))
    assert (line.state, line.by) == (CallState.ANSWERED, "王样例")
    calls.close(second, made.id, NOW + timedelta(minutes=3))
    assert desk.get_call(made.ref, NOW + timedelta(minutes=4)).state is CallState.DONE


@pytest.mark.both_databases
def test_nobody_on_duty_is_said_and_a_check_in_is_taken_all_the_same(app, shop, stand):
    with pytest.raises(NobodyOnDuty):
        calls.ask(stand, CALL, "key-1", NOW)
    first = calls.ask(stand, CallKind.CHECK_IN, "key-2", NOW)
    second = calls.ask(stand, CallKind.CHECK_IN, "key-3", NOW)
    assert (first.number, second.number) == (1, 2)


@pytest.mark.both_databases
def test_call_ends_by_itself_and_another_store_cannot_touch_it(app, shop, stand):
    near, far = c.on_duty(shop.west), c.on_duty(shop.east)
    made = calls.ask(stand, CALL, "key-1", NOW)
    with pytest.raises(NotFound):
        calls.answer(far, made.id, NOW)
    late = NOW + timedelta(minutes=5)
    assert desk.get_call(made.ref, late).state is CallState.EXPIRED
    with pytest.raises(CallOver):
        calls.answer(near, made.id, late)
    again = calls.ask(stand, CALL, "key-2", late)
    calls.withdraw(again.ref, late)
    with pytest.raises(CallOver):
        calls.answer(near, again.id, late)


def test_so_many_may_wait_and_no_more(app, shop, stand):
    c.on_duty(shop.west)
    for n in range(MOST_OPEN[CallKind.CHECK_IN]):
        calls.ask(stand, CallKind.CHECK_IN, f"in-{n}", NOW)
    with pytest.raises(TooManyCalls):
        calls.ask(stand, CallKind.CHECK_IN, "one more in", NOW)
    for n in range(MOST_OPEN[CALL]):  # who is here takes no place of those who call
        calls.ask(stand, CALL, f"key-{n}", NOW)
    with pytest.raises(TooManyCalls):
        calls.ask(stand, CALL, "one more", NOW)
    assert calls.ask(stand, CALL, "later", NOW + timedelta(minutes=6)).number == MOST_OPEN[CALL] + 1


def test_duty_ends_by_itself_at_midnight_at_the_latest(app, shop):
    who = s.clerk(shop.west)
    until = clock_in(who, 12, NOW)  # noon in Shanghai
    assert until == NOW + timedelta(hours=12)
    assert clock_in(who, 12, NOW + timedelta(hours=5)) == NOW + timedelta(hours=12)
    assert [one.id for one in staff.list_on_duty(shop.west, NOW)] == [who.id]
    assert staff.list_on_duty(shop.west, until) == []
    clock_out(who)
    assert staff.list_on_duty(shop.west, NOW) == []


def test_from_the_scan_to_the_answer_on_both_phones(app, shop):
    lead, who = c.manager(shop.west), c.on_duty(shop.west, "王样例")
    made = c.code(lead, Kind.DESK, label="前台接待")
    shopper = Shopper(app)
    here = shopper.fragment(f"/q/{made.code}/here")
    assert "正在值班：王样例" in here
    data = fields(here) | {"kind": "call", "key": "k1"}
    waiting = shopper.http.post(f"/q/{made.code}/calls", data=data).headers["Location"]
    assert "正在叫顾问" in shopper.page(waiting)
    assert shopper.http.get(f"{waiting}/state?seen=waiting", headers={"HX-Request": "true"}).status_code == 204
    from app.staff.models import StaffMember

    desk_phone = Shopper(app)
    desk_phone.http = sign_in(app, s.Actor("member", db.session.get_one(StaffMember, who.id).member_id))
    assert "1 位客户在等" in desk_phone.fragment("/staff/calls/waiting")
    page = desk_phone.page("/staff/calls")
    assert "前台接待" in page
    db.session.rollback()
    call_id = db.session.query(FloorCall).one().id
    desk_phone.http.post(f"/staff/calls/{call_id}/answer", data={"csrf_token": fields(page)["csrf_token"]})
    assert "王样例马上来" in shopper.fragment(f"{waiting}/state?seen=waiting")
    assert "到店工作" not in desk_phone.page("/staff")
    assert "到店客流" in desk_phone.page("/staff")
    data = fields(shopper.fragment(f"/q/{made.code}/here")) | {"kind": "check_in", "key": "k2"}
    checked = shopper.http.post(f"/q/{made.code}/calls", data=data).headers["Location"]
    text = shopper.page(checked)
    assert "已签到 · 今天第" in text
    gone = shopper.http.post(f"{checked}/withdrawal", data={"csrf_token": fields(text)["csrf_token"]})
    assert "已取消" in shopper.page(gone.headers["Location"])
    assert "正在店里值班" in shopper.page("/dealers/west/on-duty")


def test_each_phone_has_its_own_limit_on_the_address_of_the_store(app, shop):
    made = c.code(c.manager(shop.west), Kind.DESK, label="前台接待")
    for phone in range(3):
        shopper = Shopper(app)
        token = fields(shopper.fragment(f"/q/{made.code}/here"))["csrf_token"]
        for n in range(7):
            data = {"csrf_token": token, "kind": "check_in", "key": f"p{phone}-{n}"}
            answer = shopper.http.post(f"/q/{made.code}/calls", data=data)
            assert answer.status_code == (303 if n < 6 else 429)


def test_calls_are_told_apart_from_visits_after_a_month_and_go_after_three(app, shop, stand):
    who = c.on_duty(shop.west)
    touch = Touch("A" * 12, "B" * 12, NOW)
    made = calls.ask(stand, CALL, "key-1", NOW, touch=touch)
    calls.answer(who, made.id, NOW)
    assert calls.purge(NOW + timedelta(days=30)) == 0
    assert calls.purge(NOW + timedelta(days=31)) == 1
    db.session.rollback()
    row = db.session.query(FloorCall).one()
    assert (row.visit_ref, row.answered_by) == ("", who.id)
    assert calls.purge(NOW + timedelta(days=92)) == 1
    assert db.session.query(FloorCall).count() == 0
    assert "purge_calls" in jobs.listed(app)


def test_address_that_nobody_holds_is_404(app, shop):
    browser = app.test_client()
    for ref in ("A" * 16, "x", "1' OR '1'='1", "٣" * 16):
        assert browser.get(f"/q/calls/{ref}").status_code == 404
