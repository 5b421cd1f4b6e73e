"""The pages about money and changes: where it is, what a change costs, what headquarters decides."""

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app.booking.models import BookingCase
from app.booking.queries.money import get_money
from app.booking.services import balance, cases, release
from app.booking.services.settling import Verdict, settle
from app.core import outbox
from app.payments.services import refunds
from tests.admin import test_operators as hq
from tests.booking import shop as s
from tests.booking.test_altering import paint_shop
from tests.booking.test_cases import HQ, REST, SOON, Deal
from tests.booking.test_views import sign_in
from tests.client import check


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(SOON, tick=False):
        yield


def token(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).text)
    assert found, path
    return found[1]


def test_the_shopper_always_sees_where_the_money_is(app: Flask) -> None:
    deal = Deal(app, "订金")
    client, path = sign_in(app, deal.buyer), f"/bookings/{deal.no}"
    assert "已付 ¥1,000，为您保管，提车时抵车款 ¥1,000。" in client.get(path).text
    deal.confirm()
    balance.record_in_store(deal.lead, deal.no, "SJ-20261122-7", SOON)
    release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON)
    page = client.get(path).text
    for words in ("已付 ¥88,800，退款中 ¥88,800。", "已申请退款，正在提交微信支付", "由门店退还"):
        assert words in page
    outbox.deliver_due()
    assert "微信支付处理中" in client.get(path).text
    deal.money_arrives()
    page = client.get(path).text
    assert "已退 ¥1,000，退款中 ¥87,800。" in page
    assert "已原路退回" in page
    (case,) = [c.id for c in s.db.session.query(BookingCase)]
    settle(HQ, case, Verdict(REST, "门店已退", "TK-20261123-1"), SOON)
    page = client.get(path).text
    assert "已付 ¥88,800，已退 ¥88,800。" in page
    assert "付款单据号 TK-20261123-1" in page


@pytest.mark.parametrize(("state", "words"), [("closed", "人工处理，无需您操作"), ("abnormal", "人工处理，无需您操作")])
def test_a_refund_in_trouble_is_said(app: Flask, state: str, words: str) -> None:
    deal = Deal(app, "订金")
    release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON)
    with s.transaction():
        s.db.session.query(refunds.Refund).update({"state": state})
    money = get_money(deal.row)
    assert any(words in line.text and line.state == "bad" for line in money.lines)
    assert (money.returning_fen, money.returned_fen, money.kept_fen) == (100_000, 0, 0)


def test_a_change_is_read_confirmed_and_seen(app: Flask) -> None:
    deal = Deal(app, "订金")
    paint_shop()
    client, path = sign_in(app, deal.buyer), f"/bookings/{deal.no}/change"
    page = client.get(path)
    check(page.text, whole=True)
    assert "朱砂红" in page.text
    read = client.get(f"{path}?kind=colour&to=朱砂红").text
    for words in ("到店选择 → 朱砂红", "+¥3,000", "¥87,800 → ¥90,800", "余款变为 ¥90,800"):
        assert words in read
    seen = re.search(r'name="seen" value="(\w+)"', read)
    form = {"csrf_token": token(client, path), "kind": "colour", "to": "朱砂红", "seen": seen[1] if seen else ""}
    assert client.post(path, data=form | {"seen": "0" * 16}).status_code == 422
    assert deal.row.colour == ""
    for _ in range(2):  # a tap and its echo
        assert client.post(path, data=form).status_code == 303
    assert (deal.row.colour, deal.row.balance_fen) == ("朱砂红", 9_080_000)
    assert "颜色加价" in client.get(f"/bookings/{deal.no}").text


def test_a_new_dealer_needs_its_own_tick(app: Flask) -> None:
    deal = Deal(app, "订金")
    client, path = sign_in(app, deal.buyer), f"/bookings/{deal.no}/change"
    assert "浦东店" in client.get(f"{path}?city=上海市").text
    read = client.get(f"{path}?kind=dealer&to={deal.shop.east}").text
    box = re.search(r'<input type="checkbox" name="share"[^>]*>', read)
    assert box
    assert "checked" not in box[0]
    seen = re.search(r'name="seen" value="(\w+)"', read)
    form = {
        "csrf_token": token(client, path),
        "kind": "dealer",
        "to": str(deal.shop.east),
        "seen": seen[1] if seen else "",
    }
    refused = client.post(path, data=form)
    assert refused.status_code == 422
    assert "请勾选同意" in refused.text
    assert client.post(path, data=form | {"share": "y"}).status_code == 303
    assert deal.row.dealer_id == deal.shop.east


def test_a_name_for_the_papers_stands_in_no_address(app: Flask) -> None:
    deal = Deal(app, "订金")
    client, path = sign_in(app, deal.buyer), f"/bookings/{deal.no}/change"
    form = {"csrf_token": token(client, path), "kind": "owner", "to": "李样例"}
    read = client.post(path, data=form)
    assert (read.status_code, deal.row.owner_name) == (200, "")
    seen = re.search(r'name="seen" value="(\w+)"', read.text)
    assert client.post(path, data=form | {"seen": seen[1] if seen else ""}).status_code == 303
    assert deal.row.owner_name == "李样例"
    assert sign_in(app, s.member("13900002087")).get(path).status_code == 404


def test_what_cannot_be_changed_says_why(app: Flask) -> None:
    deal = Deal(app, "订金")
    deal.confirm(ready=True)
    client, path = sign_in(app, deal.buyer), f"/bookings/{deal.no}/change"
    refused = client.get(f"{path}?kind=dealer&to={deal.shop.east}")
    assert refused.status_code == 422
    assert "车已备好，不能再更换提车门店" in refused.text
    assert client.get(f"{path}?kind=horse&to=1").status_code == 200


def test_headquarters_reads_and_decides_on_its_pages(app: Flask) -> None:
    deal = Deal(app)
    case = cases.dispute(deal.buyer, deal.no, "门店少装了一项配置，申请补偿", SOON)
    client = app.test_client()
    with time_machine.travel(hq.NOW, tick=False):
        secret = hq.operator()
        hq.sign_in(client, secret)
        listed, path = client.get("/admin/cases"), f"/admin/cases/{case}"
        check(listed.text, whole=True)
        assert "门店少装了一项配置" in listed.text
        page = client.get(path)
        check(page.text, whole=True)
        assert "周样例" not in page.text
        assert "13900002086" not in page.text
        form = {"csrf_token": token(client, path), "amount": "300.00", "answer": "补偿差价", "ends": "0"}
        for wrong in ({"amount": "三百"}, {"amount": "1000.01"}, {"answer": "好"}):
            answer = client.post(f"{path}/settlement", data=form | wrong)
            assert answer.status_code == 422, wrong
            assert "没有执行" in answer.text
        assert deal.back == []
        for _ in range(2):  # sent twice
            assert client.post(f"{path}/settlement", data=form).status_code == 303
        assert deal.back == [30_000]
        assert "补偿差价" in client.get(path).text
        assert client.post(f"{path}/refusal", data=form).status_code == 422
        assert "已处理 ¥300" in client.get("/admin/cases?done=1&kind=dispute").text
        assert client.get("/admin/cases/999").status_code == 404
    shopper = sign_in(app, deal.buyer)
    page = shopper.get(f"/bookings/{deal.no}").text
    assert "总部答复：补偿差价" in page
    assert "退款的 ¥300 不用补交，全部车款因此为 ¥88,500。" in page
    assert "−¥300" in shopper.get(f"/bookings/{deal.no}/sheet").text


def test_the_list_says_how_long_it_waits(app: Flask) -> None:
    deal = Deal(app)
    deal.open("double_return")
    client = app.test_client()
    with time_machine.travel(SOON + timedelta(days=4), tick=False):
        secret = hq.operator()
        hq.sign_in(client, secret, SOON + timedelta(days=4))
        page = client.get("/admin/cases").text
    assert "4 天" in page
    assert "待处理 1" in page
