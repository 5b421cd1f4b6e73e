"""The pages: deals for everybody, booking and cashier for members."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import unquote

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.booking import queries
from app.booking.models import OnePriceDeal
from app.booking.services import release
from app.core.db import db, transaction
from app.core.security import Actor
from app.payments.services import settlement
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import Bank

IN_WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.49(0x18003137) zh_CN"


class Wechat:
    """No signature: the bridge alone opens the cashier."""

    def js_config(self, url: str) -> None:
        from app.core.errors import GatewayError

        raise GatewayError("wechat", "unreachable")


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def bank(app: Flask) -> Bank:
    app.extensions["pay"], app.extensions["wechat"] = Bank(), Wechat()
    return app.extensions["pay"]


def sign_in(app: Flask, actor: Actor) -> FlaskClient:
    """A browser of this member."""
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["seen"] = f"m:{actor.id}:1", int(NOW.timestamp())
    return client


def fields(html: str) -> dict[str, str]:
    """The hidden and filled inputs of the page's forms."""
    found = {}
    for tag in re.findall(r"<input [^>]*>", html):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value and "checkbox" not in tag and "radio" not in tag:
            found[name[1]] = unescape(value[1])
    return found


def open_form(client: FlaskClient, shop: s.Shop) -> dict[str, str]:
    html = client.get(f"/deals/{shop.deal}/bookings/new").text
    return {**fields(html), "dealer": str(shop.west), "terms": "y", "share": "y"}


def open_cashier(client: FlaskClient, url: str) -> TestResponse:
    """From the page after the booking to the one that can be paid on."""
    opened = client.post(url.partition("?")[0], data=fields(client.get(url).text))
    assert opened.status_code == 303, opened.text
    return client.get(opened.headers["Location"])


def test_public_pages_of_the_deals(app: Flask) -> None:
    shop, client = s.build(), app.test_client()
    for path in ("/deals", f"/deals/{shop.deal}", f"/deals/{shop.deal}/stock", "/deals/for-series/s5"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "Set-Cookie" not in answer.headers
        assert "s-maxage" in answer.headers["Cache-Control"]
    page = client.get(f"/deals/{shop.deal}").text
    assert "订金是预付款：交车前可随时取消，全额原路退回；" in page
    assert "88,800" in page
    assert "厂商指导价" in page
    assert "原价" not in page
    assert f"/deals/{shop.deal}/bookings/new" in page
    assert client.get("/deals/nothing").status_code == 404
    fragment = client.get(f"/deals/{shop.deal}/stock", headers={"HX-Request": "true"}).text
    assert 'hx-swap-oob="true"' in fragment


def test_the_stock_says_when_it_is_over(app: Flask) -> None:
    shop = s.build(units=1)
    s.place(shop, s.member())
    text = app.test_client().get(f"/deals/{shop.deal}/stock", headers={"HX-Request": "true"}).text
    assert "已订完" in text
    assert "bookings/new" not in text


def test_booking_asks_for_a_login_first(app: Flask) -> None:
    shop = s.build()
    answer = app.test_client().get(f"/deals/{shop.deal}/bookings/new")
    assert answer.status_code == 302
    assert "/wechat/login" in answer.headers["Location"]


def test_from_the_form_to_the_cashier(app: Flask, bank: Bank) -> None:
    shop, client = s.build(), sign_in(app, s.member())
    client.environ_base["HTTP_USER_AGENT"] = IN_WECHAT
    html = client.get(f"/deals/{shop.deal}/bookings/new").text
    assert "checked" not in html  # nothing is ticked for anyone
    answer = client.post(f"/deals/{shop.deal}/bookings", data=open_form(client, shop))
    assert answer.status_code == 303, answer.text
    assert bank.count("create") == 0  # holding the car waits for nobody
    cashier = open_cashier(client, answer.headers["Location"])
    assert "no-store" in cashier.headers["Cache-Control"]
    assert 'data-package="prepay_id=wx1"' in cashier.text
    assert "待支付" in cashier.text
    assert bank.count("create") == 1


def test_a_form_with_mistakes_keeps_what_was_typed(app: Flask, bank: Bank) -> None:
    shop, client = s.build(), sign_in(app, s.member())
    data = open_form(client, shop) | {"name": "李样例", "terms": "", "phone": "123"}
    data.pop("terms")
    answer = client.post(f"/deals/{shop.deal}/bookings", data=data, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert answer.text.lstrip().startswith("<form")
    assert "李样例" in answer.text
    assert "请阅读并勾选预订条款。" in answer.text
    assert "请输入 11 位手机号" in answer.text
    assert s.units_left(shop) == 10


def test_a_new_number_needs_its_code(app: Flask, bank: Bank) -> None:
    shop, client = s.build(), sign_in(app, s.member())
    data = open_form(client, shop) | {"phone": "13700000000", "code": "000000"}
    answer = client.post(f"/deals/{shop.deal}/bookings", data=data)
    assert answer.status_code == 422
    assert "验证码" in answer.text
    assert s.units_left(shop) == 10


def test_a_changed_price_comes_back_with_the_new_one(app: Flask, bank: Bank) -> None:
    shop, client = s.build(), sign_in(app, s.member())
    data = open_form(client, shop) | {"seen_price_fen": "8800000"}
    answer = client.post(f"/deals/{shop.deal}/bookings", data=data)
    assert answer.status_code == 422
    assert "价格刚刚有变化" in answer.text
    part = client.post(f"/deals/{shop.deal}/bookings", data=data, headers={"HX-Request": "true"}).text
    assert "<h1>" not in part
    assert "88,800" in part  # what is swapped in shows the price that is asked about
    again = data | {"seen_price_fen": fields(answer.text)["seen_price_fen"]}
    assert client.post(f"/deals/{shop.deal}/bookings", data=again).status_code == 303


def test_a_hold_is_over_when_its_time_is_also_while_nobody_released_it(app: Flask, bank: Bank) -> None:
    shop, client = s.build(), sign_in(app, s.member())
    no = client.post(f"/deals/{shop.deal}/bookings", data=open_form(client, shop)).headers["Location"].split("/")[2]
    for path in (f"/bookings/{no}", "/me/bookings"):
        assert "前支付" in client.get(path).text
        with time_machine.travel(NOW + timedelta(minutes=16), tick=False):
            late = client.get(path).text
            assert "保留时间已过" in late, path
            assert "已超时" in late
            assert "待支付" not in late
            assert "前支付" not in late


def test_without_javascript_the_form_keeps_its_store_and_name(app: Flask, bank: Bank) -> None:
    shop = s.build()
    client = sign_in(app, s.member())
    form = open_form(client, shop)
    typed = {"csrf_token": form["csrf_token"], "phone": "13700000000", "dealer": str(shop.east), "name": "欧阳样例"}
    here = f"http://localhost/deals/{shop.deal}/bookings/new?phone=other"
    asked = client.post("/me/phone/codes", data=typed, headers={"Referer": here}).text
    back = fields(asked)["next"]
    assert "欧阳" not in unquote(back)
    again = client.get(back).text
    assert fields(again)["name"] == "欧阳样例"
    assert re.search(rf'<input[^>]*name="dealer"[^>]*value="{shop.east}"[^>]*checked', again)


def test_changed_terms_come_back_to_be_ticked_again(app: Flask, bank: Bank) -> None:
    shop, client = s.build(), sign_in(app, s.member())
    data = open_form(client, shop)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(earnest_kind="定金"))
    answer = client.post(f"/deals/{shop.deal}/bookings", data=data)
    assert answer.status_code == 422
    assert "预订条款刚刚更新" in answer.text
    assert "违约双倍返还" in answer.text
    assert not re.search(r'<input[^>]*name="terms"[^>]*checked', answer.text)
    again = data | {"terms_version": fields(answer.text)["terms_version"]}
    assert client.post(f"/deals/{shop.deal}/bookings", data=again).status_code == 303


def test_wechat_pay_down_while_ordering(app: Flask, bank: Bank) -> None:
    shop, client = s.build(), sign_in(app, s.member())
    client.environ_base["HTTP_USER_AGENT"] = IN_WECHAT
    bank.down = {"create"}
    place = client.post(f"/deals/{shop.deal}/bookings", data=open_form(client, shop))
    assert place.status_code == 303  # the unit is held all the same
    page = client.get(place.headers["Location"])
    url = place.headers["Location"].partition("?")[0]
    assert f'data-opening hx-post="{url}"' in page.text  # with scripts it opens by itself
    trouble = client.post(url, data=fields(page.text))
    assert "data-opening" not in trouble.text  # and only once
    assert trouble.status_code == 503
    assert "支付暂时不可用，请稍后再试" in trouble.text
    by_itself = client.post(url, data=fields(page.text), headers={"HX-Request": "true"})
    assert by_itself.status_code == 422  # which htmx swaps in: the sentence stands in the page, in its cashier
    assert "支付暂时不可用" in by_itself.text.partition('id="cashier"')[2]
    bank.down = set()
    assert client.post(url, data=fields(trouble.text)).status_code == 303
    assert "data-pay-sign" in client.get(url).text


def booked(app: Flask, bank: Bank) -> tuple[FlaskClient, Actor, str]:
    actor = s.member()
    shop, client = s.build(), sign_in(app, actor)
    answer = client.post(f"/deals/{shop.deal}/bookings", data=open_form(client, shop))
    open_cashier(client, answer.headers["Location"])
    return client, actor, answer.headers["Location"].split("/")[2]


def test_the_page_turns_by_itself_when_the_notice_arrives(app: Flask, bank: Bank) -> None:
    client, _, no = booked(app, bank)
    status = f"/bookings/{no}/payment/status?returned=1"
    waiting = client.get(status, headers={"HX-Request": "true"})
    assert "支付确认中" in waiting.text
    assert "请勿重复付款" in waiting.text
    number = bank.only_order()
    bank.pay(number)
    settlement.accept_notice(bank.notice(number, NOW), NOW)
    assert client.get(status, headers={"HX-Request": "true"}).headers["HX-Redirect"] == f"/bookings/{no}"
    page = client.get(f"/bookings/{no}").text
    assert "已付订金" in page
    assert "取车码" in page
    assert re.search(r"\d{3} \d{3}", page)


def test_the_browser_says_ok_and_the_server_asks(app: Flask, bank: Bank) -> None:
    client, _, no = booked(app, bank)
    page = client.get(f"/bookings/{no}/payment?returned=1").text
    data = {"csrf_token": fields(page)["csrf_token"]}
    check = f"/bookings/{no}/payment/checks?returned=1"
    unpaid = client.post(check, data=data, headers={"HX-Request": "true"})
    assert "支付确认中" in unpaid.text
    assert s.booking(no).state == "held"
    bank.pay(bank.only_order())
    assert client.post(check, data=data, headers={"HX-Request": "true"}).headers["HX-Redirect"] == f"/bookings/{no}"
    assert s.booking(no).state == "deposit_paid"


def test_the_status_is_quiet_until_something_changes(app: Flask, bank: Bank) -> None:
    client, actor, no = booked(app, bank)
    url = re.search(r'hx-get="(/bookings/[^"]+/status[^"]+)"', client.get(f"/bookings/{no}").text)
    assert url
    path = unescape(url[1])
    assert client.get(path, headers={"HX-Request": "true"}).status_code == 204
    release.cancel_booking(actor, no, bank, NOW)
    changed = client.get(path, headers={"HX-Request": "true"})
    assert "已取消" in changed.text


def test_cancel_from_the_page(app: Flask, bank: Bank) -> None:
    client, _, no = booked(app, bank)
    data = fields(client.get(f"/bookings/{no}").text)
    assert client.post(f"/bookings/{no}/cancellation", data=data).status_code == 303
    assert "已取消" in client.get(f"/bookings/{no}").text
    assert "已取消" in client.get("/me/bookings").text


def test_another_persons_booking_is_404(app: Flask, bank: Bank) -> None:
    client, _, no = booked(app, bank)
    data = fields(client.get(f"/bookings/{no}").text)
    other = sign_in(app, s.member("13900000009"))
    for path in ("", "/payment", "/payment/status", "/status", "/code"):
        assert other.get(f"/bookings/{no}{path}").status_code == 404, path
    token = fields(other.get("/deals/d1/bookings/new").text)["csrf_token"]
    for path in ("/cancellation", "/payment", "/payment/checks"):
        assert other.post(f"/bookings/{no}{path}", data={**data, "csrf_token": token}).status_code == 404, path
    assert s.booking(no).state == "held"
    assert "还没有预订" in other.get("/me/bookings").text


def test_the_time_is_up(app: Flask, bank: Bank) -> None:
    client, _, no = booked(app, bank)
    with time_machine.travel(NOW + timedelta(minutes=16), tick=False):
        text = client.get(f"/bookings/{no}/payment").text
        assert "保留时间已到" in text
        assert "data-pay-sign" not in text
        release.expire_holds(bank, NOW + timedelta(minutes=16))
        assert "超时未付" in client.get(f"/bookings/{no}").text


def test_a_kept_deal_page_says_todays_stock(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = s.build(units=10)
    client, address = app.test_client(), f"/deals/{shop.deal}"

    def leave(units: int) -> None:
        with transaction():
            db.session.execute(update(OnePriceDeal).values(units_left=units))

    assert '余 <span class="num">10</span>' in client.get(address).text
    leave(9)
    assert '余 <span class="num">9</span>' in client.get(address).text
    leave(8)
    # A unit is taken between asking for the stock and making the page: the page is kept as what it says.
    with monkeypatch.context() as patched:
        patched.setattr(queries, "find_stock", lambda _slug: 7)
        assert '余 <span class="num">8</span>' in client.get(address).text
    leave(7)
    assert '余 <span class="num">7</span>' in client.get(address).text
