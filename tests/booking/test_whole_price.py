"""一次付清: the whole price at once, from the earnest money straight on to the balance, where its time has come."""

import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app.payments.services import settlement
from tests.booking import shop as s
from tests.booking.road import money_adds_up
from tests.booking.shop import NOW
from tests.booking.test_balance import REST
from tests.booking.test_views import IN_WECHAT, Wechat, fields, sign_in
from tests.client import check
from tests.payments.wechat_pay import Bank

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def bank(app: Flask) -> Bank:
    app.extensions["pay"], app.extensions["wechat"] = Bank(), Wechat()
    return app.extensions["pay"]


def page(client: FlaskClient, path: str) -> str:
    answer = client.get(path, headers={"User-Agent": IN_WECHAT})
    assert answer.status_code == 200, answer.headers
    check(answer.text, whole=True)
    return unescape(answer.text)


def pay_here(client: FlaskClient, bank: Bank, path: str) -> str:
    """Taps the button of this page and pays; where the page goes on afterwards."""
    form = fields(page(client, path))
    opened = client.post(path.partition("?")[0], data=form, headers={"User-Agent": IN_WECHAT})
    assert opened.status_code == 303, opened.text
    shown = page(client, opened.headers["Location"])
    number = list(bank.orders)[-1]
    bank.pay(number)
    settlement.accept_notice(bank.notice(number, NOW), NOW)
    asks = re.search(r'hx-get="([^"]+/status[^"]*)"', shown)
    assert asks
    onward = client.get(asks[1], headers={"HX-Request": "true", "User-Agent": IN_WECHAT})
    return onward.headers["HX-Redirect"]


def test_the_whole_price_is_paid_in_one_go(app: Flask, bank: Bank) -> None:
    shop, customer = s.build(), s.member()
    no, client = s.place(shop, customer).no, sign_in(app, customer)
    first = page(client, f"/bookings/{no}/payment")
    assert "一次付清全款 ¥88,800" in first
    whole = f"/bookings/{no}/payment?whole=1"
    assert "接着支付余款 ¥87,800，合计 ¥88,800" in page(client, whole)
    onward = pay_here(client, bank, whole)
    assert onward.startswith(f"/bookings/{no}/balance?")
    assert "一次付清 2/2：支付余款" in page(client, onward)
    assert pay_here(client, bank, onward) == f"/bookings/{no}"
    booking = s.booking(no)
    assert (booking.state, booking.balance_channel, booking.balance_fen) == ("deposit_paid", "online", REST)
    money_adds_up()


def test_who_does_not_ask_for_it_pays_the_earnest_money_alone(app: Flask, bank: Bank) -> None:
    shop, customer = s.build(), s.member()
    no, client = s.place(shop, customer).no, sign_in(app, customer)
    assert pay_here(client, bank, f"/bookings/{no}/payment") == f"/bookings/{no}"


def test_a_presale_says_from_when_the_balance_is_paid(app: Flask, bank: Bank) -> None:
    shop, customer = s.build(balance_starts_at=NOW + 10 * DAY, balance_ends_at=NOW + 12 * DAY), s.member()
    no, client = s.place(shop, customer).no, sign_in(app, customer)
    text = page(client, f"/bookings/{no}/payment")
    assert "现在不能一次付清" in text
    assert "一次付清全款" not in text
    assert pay_here(client, bank, f"/bookings/{no}/payment?whole=1") == f"/bookings/{no}"


def test_without_a_balance_the_earnest_money_is_all(app: Flask, bank: Bank) -> None:
    shop, customer = s.build(earnest_fen=8_880_000), s.member()
    no, client = s.place(shop, customer).no, sign_in(app, customer)
    assert "一次付清" not in page(client, f"/bookings/{no}/payment")
    pay_here(client, bank, f"/bookings/{no}/payment")
    assert s.booking(no).balance_fen == 0
    money_adds_up()
