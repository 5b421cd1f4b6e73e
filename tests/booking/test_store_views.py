"""The store's pages on the dealer's phone."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app.booking.services import pause, progress
from app.core import clock
from app.core.db import db
from app.core.security import Actor
from app.staff.models import StaffMember
from tests.booking import shop as s
from tests.booking.road import DAY, HOUR, VIN, Road, paid
from tests.booking.shop import NOW
from tests.booking.test_views import fields, sign_in
from tests.client import check


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def browser(app: Flask, who: Actor) -> FlaskClient:
    return sign_in(app, Actor("member", db.session.get_one(StaffMember, who.id).member_id))


@pytest.fixture
def road(app: Flask) -> Road:
    road = paid(confirm_hours=6, ready_days=10)
    app.extensions["pay"] = road.bank
    return road


def post(client: FlaskClient, no: str, part: str, **data: str):
    token = fields(client.get(f"/staff/bookings/{no}").text)["csrf_token"]
    return client.post(f"/staff/bookings/{no}/{part}", data={"csrf_token": token, **data})


def wall(moment) -> str:
    return clock.local(moment).strftime("%Y-%m-%dT%H:%M")


def test_from_the_payment_to_the_ready_car(app: Flask, road: Road) -> None:
    desk, no = browser(app, road.clerk), road.no
    listed = desk.get("/staff/bookings").text
    check(listed, whole=True)
    assert "请在11月22日18:00前确认（还剩 6 小时 0 分）" in listed
    page = desk.get(f"/staff/bookings/{no}").text
    check(page, whole=True)
    assert "确认即承诺 10 天内备好车" in page
    assert post(desk, no, "confirmation").status_code == 303
    assert post(desk, no, "appointment", at=wall(NOW + HOUR)).status_code == 303
    progress.agree_time(road.customer, no, NOW)
    assert "今天到店 1" in desk.get("/staff/bookings").text
    assert "约定11月22日13:00到店" in desk.get("/staff/bookings?show=today").text
    wrong = post(desk, no, "car", vin="LSVAA49J132047372")
    assert wrong.status_code == 422
    check(wrong.text, whole=True)
    assert "车架号校验不符" in wrong.text
    assert 'value="LSVAA49J132047372"' in wrong.text  # nothing is typed twice
    assert post(desk, no, "car", vin=VIN).status_code == 303
    assert post(desk, no, "readiness").status_code == 303
    assert "扫码交车" in desk.get(f"/staff/bookings/{no}").text
    assert post(desk, no, "balance", document="SJ-0001").status_code == 303
    assert "¥87,800 已付（到店支付，单据号 SJ-0001）" in desk.get(f"/staff/bookings/{no}").text
    assert "更正登记" not in desk.get(f"/staff/bookings/{no}").text
    assert s.booking(no).state == "car_ready"


def test_the_second_clerk_reads_who_was_first(app: Flask, road: Road) -> None:
    desk = browser(app, road.clerk)
    token = fields(desk.get(f"/staff/bookings/{road.no}").text)["csrf_token"]
    progress.confirm(road.lead, road.no, NOW)
    answer = desk.post(f"/staff/bookings/{road.no}/confirmation", data={"csrf_token": token})
    assert answer.status_code == 200
    assert "赵*已于11月22日12:00确认。" in answer.text


def test_name_and_number_are_masked_until_they_are_opened(app: Flask, road: Road) -> None:
    desk = browser(app, road.clerk)
    for path in ("/staff/bookings", f"/staff/bookings/{road.no}"):
        text = desk.get(path).text
        assert "周* 139****2086" in text
        assert "13900002086" not in text
        assert "周样例" not in text
    opened = post(desk, road.no, "contact")
    check(opened.text, whole=True)
    assert "周样例" in opened.text
    assert 'href="tel:13900002086"' in opened.text
    assert "no-store" in opened.headers["Cache-Control"]


def test_the_last_four_of_the_phone_find_one_person(app: Flask, road: Road) -> None:
    desk = browser(app, road.clerk)
    token = fields(desk.get("/staff/bookings").text)["csrf_token"]

    def find(tail: str, show: str = ""):
        return desk.post(f"/staff/bookings{show}", data={"csrf_token": token, "tail": tail})

    refused = find("20%")
    assert refused.status_code == 422
    check(refused.text, whole=True)
    assert "请输入手机号后四位数字" in refused.text
    assert find("2087").headers["Location"] == "/staff/bookings?by=phone"
    assert road.no not in desk.get("/staff/bookings?by=phone").text
    assert road.no in desk.get("/staff/bookings").text  # the list itself is never narrowed unseen
    way = find("20 86", "?show=confirm").headers["Location"]
    assert way == "/staff/bookings?show=confirm&by=phone"
    part = desk.get(way, headers={"HX-Request": "true"}).text
    check(part, whole=False)
    assert road.no in part
    assert 'hx-get="/staff/bookings?show=confirm&amp;by=phone"' in part
    assert not re.search(r'="[^"]*2086', part)  # no address of the page has the digits
    assert find("").headers["Location"] == "/staff/bookings"
    assert road.no in desk.get("/staff/bookings?by=phone").text


def test_the_stores_own_board(app: Flask, road: Road) -> None:
    other, desk, east = s.member("13900000077"), browser(app, road.clerk), browser(app, s.clerk(road.shop.east))
    s.place(road.shop, other, dealer_id=road.shop.east)
    listed, board = desk.get("/staff/board").text, desk.get(f"/staff/board/{road.shop.deal}").text
    for page in (listed, board):
        check(page, whole=True)
    assert f'href="/staff/board/{road.shop.deal}"' in listed
    assert "可订 8 / 共 10 台" in listed
    assert road.no in board
    assert len(re.findall(r"1 笔", board)) == 1  # its own booking, not the other store's
    part = desk.get(f"/staff/board/{road.shop.deal}", headers={"HX-Request": "true"}).text
    check(part, whole=False)
    assert "data-watch" in part
    assert road.no not in east.get(f"/staff/board/{road.shop.deal}").text
    for word in ("pause", "暂停</summary>", "恢复预订"):  # that is headquarters' alone
        assert word not in board
    for way in ("/staff/board", "/staff/reviews", "/staff/queue"):
        assert f'href="{way}"' in desk.get("/staff/bookings").text
        assert f'href="{way}"' in desk.get("/staff").text
        assert f'href="{way}"' in desk.get("/staff/waiting", headers={"HX-Request": "true"}).text
    assert sign_in(app, other).get("/staff/board").status_code == 403
    stranger = browser(app, s.clerk(road.shop.closed))
    assert stranger.get(f"/staff/board/{road.shop.deal}").status_code == 404  # closed, and it has no booking
    assert "还没有一口价" in stranger.get("/staff/board").text
    pause.pause_deal(Actor("operator", 1), road.shop.deal, "价格核对中", NOW)
    assert "价格核对中" in desk.get(f"/staff/board/{road.shop.deal}").text


def test_what_only_leading_people_see_and_do(app: Flask, road: Road) -> None:
    road.ready()
    progress.propose_time(road.clerk, road.no, NOW + HOUR, NOW)
    progress.agree_time(road.customer, road.no, NOW)
    with time_machine.travel(NOW + 3 * HOUR, tick=False):
        desk, boss = browser(app, road.clerk), browser(app, road.lead)
        assert "登记未到店" not in desk.get(f"/staff/bookings/{road.no}").text
        refused = post(desk, road.no, "no-show", reason="电话未接通")
        assert refused.status_code == 403
        assert "需要店长或经销商管理员办理" in refused.text
        assert "登记未到店" in boss.get(f"/staff/bookings/{road.no}").text
        assert post(boss, road.no, "no-show", reason="没来").status_code == 422
        assert post(boss, road.no, "no-show", reason="电话未接通").status_code == 303
        assert "未到店" in desk.get("/staff/bookings").text


def test_another_stores_booking_does_not_exist(app: Flask, road: Road) -> None:
    stranger = browser(app, s.clerk(road.shop.east, "manager"))
    assert stranger.get(f"/staff/bookings/{road.no}").status_code == 404
    assert road.no not in stranger.get("/staff/bookings").text
    token = fields(stranger.get("/staff/scan").text)["csrf_token"]
    for part in ("confirmation", "appointment", "car", "readiness", "balance", "no-show", "contact"):
        data = {"csrf_token": token, "at": wall(NOW + DAY), "vin": VIN, "document": "SJ-0001", "reason": "电话未接通"}
        assert stranger.post(f"/staff/bookings/{road.no}/{part}", data=data).status_code in (403, 404), part
    assert s.events(road.no) == ["held", "deposit_paid"]


def test_what_the_customer_asked_for_is_one_tap(app: Flask, road: Road) -> None:
    desk = browser(app, road.clerk)
    progress.ask_time(road.customer, road.no, NOW + DAY, NOW)
    page = desk.get(f"/staff/bookings/{road.no}").text
    assert "确认，同意 11月23日12:00 到店" in page
    assert post(desk, road.no, "confirmation").status_code == 303  # only confirmed: the time still waits
    page = desk.get(f"/staff/bookings/{road.no}").text
    assert "同意 11月23日12:00" in page
    seen = (NOW + DAY).isoformat()
    assert f'value="{seen}"' in page
    assert post(desk, road.no, "appointment", at="morgen").status_code == 422
    progress.ask_time(road.customer, road.no, NOW + DAY + HOUR, NOW)  # asked for another a moment ago
    changed = post(desk, road.no, "appointment", seen=seen)
    assert changed.status_code == 422
    assert "提议的时间刚刚改了" in changed.text
    assert post(desk, road.no, "appointment", seen=(NOW + DAY + HOUR).isoformat()).status_code == 303
    assert s.booking(road.no).appointment_at == NOW + DAY + HOUR


def test_one_tap_confirms_with_the_time_that_was_asked_for(app: Flask, road: Road) -> None:
    progress.ask_time(road.customer, road.no, NOW + DAY, NOW)
    assert post(browser(app, road.clerk), road.no, "confirmation", seen=(NOW + DAY).isoformat()).status_code == 303
    row = s.booking(road.no)
    assert (row.state, row.appointment_at) == ("confirmed", NOW + DAY)


def test_a_promise_that_ran_out_says_so_and_offers_nothing(app: Flask, road: Road) -> None:
    with time_machine.travel(NOW + 6 * HOUR + timedelta(minutes=1), tick=False):
        desk = browser(app, road.clerk)
        page = desk.get(f"/staff/bookings/{road.no}").text
        assert "系统正在为客户全额退款" in page
        assert "确认预订" not in page
        late = post(desk, road.no, "confirmation")
        assert late.status_code == 422
        assert "已过" in late.text


def test_a_time_that_passed_is_not_offered_for_agreement(app: Flask, road: Road) -> None:
    desk, no = browser(app, road.clerk), road.no
    progress.ask_time(road.customer, no, NOW + HOUR, NOW)
    assert "确认，同意 11月22日13:00 到店" in desk.get(f"/staff/bookings/{no}").text
    with time_machine.travel(NOW + 2 * HOUR, tick=False):
        assert "确认，同意" not in desk.get(f"/staff/bookings/{no}").text
        assert post(desk, no, "confirmation").status_code == 303
        page = desk.get(f"/staff/bookings/{no}").text
        assert "客户想约 11月22日13:00，时间已过，请另提时间。" in page
        assert "同意 11月22日13:00" not in page


def test_the_first_day_of_the_calendar_is_refused_by_a_sentence(app: Flask, road: Road) -> None:
    desk, no = browser(app, road.clerk), road.no
    assert post(desk, no, "confirmation", at="0001-01-01T00:00").status_code == 422
    assert post(desk, no, "confirmation", seen="0001-01-01T00:00+14:00").status_code == 303
