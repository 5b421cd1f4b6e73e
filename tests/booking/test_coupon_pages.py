"""The page that chooses coupons for a booking: every line said, every refusal explained, one tap to use them."""

import re

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app.booking.services.coupons import use_coupons
from tests.booking import road as r
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_store_views import browser
from tests.booking.test_views import Wechat, sign_in
from tests.client import check
from tests.coupons import campaigns as c
from tests.operators import admin_client


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


def hidden(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))


@pytest.fixture
def road(app: Flask) -> r.Road:
    road = r.paid()
    app.extensions["pay"] = road.bank
    return road


@pytest.fixture
def client(app: Flask, road: r.Road) -> FlaskClient:
    return sign_in(app, road.customer)


def test_the_page_says_each_line_and_each_reason(road: r.Road, client: FlaskClient) -> None:
    c.campaign(scope="整车")
    c.campaign(
        "c2", title="工时八八折", kind="折扣券", face_fen=None, discount_permille=880, usage="到店", scope="整车"
    )
    c.campaign("c3", title="满千减百", face_fen=10_000, scope="整车", threshold_fen=10_000_000)
    for slug in ("c1", "c2", "c3"):
        c.claim(road.customer, slug)
    text = client.get(f"/bookings/{road.no}/coupons").text
    check(text, whole=True)
    for words in (
        "−¥3,000", "券后车价", "¥85,800", "使用所选的券，余款 ¥84,800",
        "只能到店使用；到店时出示", "满¥100,000可用；还差¥11,200",
    ):  # fmt: skip
        assert words in text, words


def test_ticking_only_looks_and_the_button_uses(app: Flask, road: r.Road, client: FlaskClient) -> None:
    c.campaign(scope="整车")
    made = c.claim(road.customer)
    path = f"/bookings/{road.no}/coupons"
    form = hidden(client.get(path).text)
    looked = client.post(path, data={"csrf_token": form["csrf_token"], "do": "look"}, headers={"HX-Request": "true"})
    assert looked.status_code == 200
    assert "不使用优惠券，余款 ¥87,800" in looked.text
    assert s.booking(road.no).coupon_fen == 0
    used = client.post(path, data={**form, "coupon": made.code})
    assert (used.status_code, used.location) == (303, f"/bookings/{road.no}")
    assert s.booking(road.no).coupon_fen == 300_000
    assert "−¥3,000" in client.get(f"/bookings/{road.no}").text


def test_a_stale_price_shows_the_new_one(road: r.Road, client: FlaskClient) -> None:
    c.campaign(scope="整车")
    made = c.claim(road.customer)
    path = f"/bookings/{road.no}/coupons"
    form = hidden(client.get(path).text)
    stale = client.post(path, data={**form, "seen_fen": "1", "coupon": made.code})
    assert stale.status_code == 422
    assert "优惠券或价格刚刚有变化" in stale.text
    assert hidden(stale.text)["seen_fen"] == "8580000"
    assert client.post(path, data={**hidden(stale.text), "coupon": made.code}).status_code == 303
    nonsense = client.post(path, data={**form, "coupon": "<script>"})
    assert nonsense.status_code == 422
    assert "<script>" not in nonsense.text


def test_somebody_elses_booking_is_not_there(app: Flask, road: r.Road) -> None:
    other = sign_in(app, s.member("13900002087", "吴样例"))
    assert other.get(f"/bookings/{road.no}/coupons").status_code == 404


def test_an_empty_wallet_shows_the_way_to_coupons(road: r.Road, client: FlaskClient) -> None:
    text = client.get(f"/bookings/{road.no}/coupons").text
    assert "卡包里还没有券" in text
    assert "/coupons" in text


def test_the_store_and_the_paper_say_what_was_used(app: Flask, road: r.Road, client: FlaskClient) -> None:
    """Each coupon with its amount and its state; who bears it is the store's business, not the customer's."""
    c.campaign(scope="整车", payer="共担", dealer_permille=300)
    made = c.claim(road.customer)
    assert "用券" not in browser(app, road.clerk).get(f"/staff/bookings/{road.no}").text
    use_coupons(road.customer, road.no, [made.coupon_id], 8_580_000, road.bank, NOW)
    desk = browser(app, road.clerk).get(f"/staff/bookings/{road.no}").text
    check(desk, whole=True)
    for words in ("到店试驾礼", "−¥3,000", "已用于预订", "总部与门店共担（门店 30%）"):
        assert words in desk, words
    paper = client.get(f"/bookings/{road.no}/sheet").text
    check(paper, whole=True)
    for words in ("优惠券 到店试驾礼", "−¥3,000", "应付车款", "¥85,800"):
        assert words in paper, words
    assert "共担" not in paper
    road.ready()
    road.hand_over()
    assert "已使用" in browser(app, road.clerk).get(f"/staff/bookings/{road.no}").text
    office = admin_client(app).get(f"/admin/bookings/{road.no}").text
    check(office, whole=True)
    for words in ("到店试驾礼券", "共担", "已使用", "扫码交车", "原 已付款；现 已确认", "门店 西湖店"):
        assert words in office, words
    spoken = re.sub(r"<[^>]*>", " ", office.split("审计记录</h2>")[1].split("</table>")[0])
    assert not re.search(r"[a-z]+_[a-z]+|confirmed|held", spoken), spoken  # every word is one of people's


def test_the_cashier_explains_what_is_left_to_pay(app: Flask, road: r.Road, client: FlaskClient) -> None:
    """What is asked for is what its lines add up to; without a coupon the way to one stands there."""
    app.extensions["wechat"] = Wechat()
    c.campaign(scope="整车")
    made = c.claim(road.customer)
    road.ready()
    before = client.get(f"/bookings/{road.no}/balance").text
    check(before, whole=True)
    assert f'href="/bookings/{road.no}/coupons"' in before
    assert "券后车价" not in before
    use_coupons(road.customer, road.no, [made.coupon_id], 8_580_000, road.bank, NOW)
    after = client.get(f"/bookings/{road.no}/balance").text
    check(after, whole=True)
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", after))
    for line in ("一口价 ¥88,800", "优惠券 −¥3,000", "券后车价 ¥85,800", "已付订金 ¥1,000", "应付余款 ¥84,800"):
        assert line in told, line
    assert f'href="/bookings/{road.no}/coupons"' not in after
