"""The counter's pages, from the code on one phone to the result on the other."""

import re

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app.core.db import db
from app.core.security import Actor
from app.payments.services import settlement
from app.staff.models import StaffMember
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import Wechat, fields, open_cashier, open_form, sign_in
from tests.payments.wechat_pay import Bank


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


def staff_browser(app: Flask, clerk: Actor) -> FlaskClient:
    member_id = db.session.get_one(StaffMember, clerk.id).member_id
    return sign_in(app, Actor("member", member_id))


@pytest.fixture
def paid(app: Flask) -> tuple[FlaskClient, str, s.Shop]:
    """A customer's browser with a paid booking, its number, the shop."""
    bank = app.extensions["pay"] = Bank()
    app.extensions["wechat"] = Wechat()
    shop, customer = s.build(), sign_in(app, s.member())
    answer = customer.post(f"/deals/{shop.deal}/bookings", data=open_form(customer, shop))
    open_cashier(customer, answer.headers["Location"])
    no = answer.headers["Location"].split("/")[2]
    number = bank.only_order()
    bank.pay(number)
    settlement.accept_notice(bank.notice(number, NOW), NOW)
    return customer, no, shop


def shown_digits(customer: FlaskClient, no: str) -> str:
    found = re.search(r"(\d{3} \d{3})</p>", customer.get(f"/bookings/{no}").text)
    assert found
    return found[1]


def test_scan_to_success_and_the_customers_page_turns(app: Flask, paid) -> None:
    customer, no, shop = paid
    desk = staff_browser(app, s.clerk(shop.west))
    page = desk.get("/staff/scan")
    assert page.status_code == 200
    data = fields(page.text) | {"code": shown_digits(customer, no), "tail": "2086"}
    seen = desk.post("/staff/redemptions/preview", data=data)
    assert seen.status_code == 200, seen.text
    for words in ("周* 139****2086", "岫 S5 2026款 长续航版", "87,800", "收齐余款，确认交车"):
        assert words in seen.text
    assert "13900002086" not in seen.text
    confirm = fields(seen.text)
    missing = desk.post("/staff/redemptions", data=confirm)  # the balance has no document: asked for, nothing is lost
    assert missing.status_code == 422
    assert "请填写余款的收款单据号" in missing.text
    assert fields(missing.text)["nonce"] == confirm["nonce"]
    assert s.booking(no).state == "deposit_paid"
    confirm = fields(missing.text) | {"document": "SJ-2026-0001"}
    done = desk.post("/staff/redemptions", data=confirm)
    assert done.status_code == 303
    again = desk.post("/staff/redemptions", data=confirm)
    assert again.headers["Location"] == done.headers["Location"]
    result = desk.get(done.headers["Location"])
    assert "核销成功" in result.text
    assert "撤销（30 秒内）" in result.text
    assert "已交车" in customer.get(f"/bookings/{no}").text
    assert "已交车" in desk.get("/staff/redemptions").text
    assert "岫 S5" in desk.get("/staff/bookings").text
    undone = desk.post(f"{done.headers['Location']}/undo", data=fields(result.text))
    assert undone.status_code == 303
    assert "已撤销" in desk.get(done.headers["Location"]).text
    assert "取车码" in customer.get(f"/bookings/{no}").text


def test_the_address_in_the_code(app: Flask, paid) -> None:
    customer, no, shop = paid
    from app.core.security import living_code

    token = living_code("test-secret-key-of-enough-length-0123456789", "B", no, NOW).token
    assert "请向店员出示此码" in customer.get(f"/r/{token}").text
    assert "请向店员出示此码" in app.test_client().get(f"/r/{token}").text
    assert s.booking(no).state == "deposit_paid"
    desk = staff_browser(app, s.clerk(shop.west))
    move = desk.get(f"/r/{token}")
    assert move.status_code == 302
    assert "确认交车" in desk.get(move.headers["Location"]).text


def test_refusals_fill_the_screen_with_the_reason(app: Flask, paid) -> None:
    _, no, shop = paid
    desk = staff_browser(app, s.clerk(shop.east))
    data = fields(desk.get("/staff/scan").text) | {"code": no, "tail": "2086"}
    wrong = desk.post("/staff/redemptions/preview", data=data)
    assert wrong.status_code == 422
    assert "西湖店" in wrong.text
    unknown = desk.post("/staff/redemptions/preview", data=data | {"tail": "0000"})
    assert "没有找到对应的券或预订" in unknown.text
    missing = desk.post("/staff/redemptions/preview", data=data | {"tail": ""})
    assert "手机号后四位" in missing.text


def test_customers_see_no_staff_pages(app: Flask, paid) -> None:
    customer, _, _ = paid
    for path in ("/staff/scan", "/staff/redemptions", "/staff/bookings", "/staff/redemptions/preview"):
        assert customer.get(path).status_code == 403, path
