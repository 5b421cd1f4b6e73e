"""The chosen city: found by any spelling, kept on the device, read by fragments alone."""

import re
from urllib.parse import quote

import pytest

from app.dealers import cities
from tests.booking import shop
from tests.client import Shopper

KNOWN = [("杭州市", 3), ("上海市", 2), ("重庆市", 1), ("厦门市", 1)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", 4), ("杭", 1), ("hangzhou", 1), ("HZ", 1), ("chongqing", 1), ("xiamen", 1), ("sh", 1), (" ", 4),
        ("火星", 0), ("😀", 0), ("%_", 0), ("x" * 2000, 0),
    ],
)  # fmt: skip
def test_cities_are_found_by_name_pinyin_and_initials(text, found):
    assert len(cities.search(KNOWN, text)) == found


def test_cities_stand_under_their_letter():
    assert [letter for letter, _ in cities.by_letter(KNOWN)] == ["C", "H", "S", "X"]


def choose(shopper: Shopper, city: str, back: str = "/"):
    page = shopper.page("/cities")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    return shopper.http.post("/cities", data={"csrf_token": token[1], "city": city, "back": back})


def test_a_city_is_chosen_by_a_tap_and_can_be_forgotten(app):
    shop.build()
    shopper = Shopper(app)
    assert "选择城市" in shopper.fragment("/dealers/here")
    assert "使用我的位置" in shopper.fragment("/dealers/mine")
    assert choose(shopper, "杭州市").status_code == 303
    assert "杭州市" in shopper.fragment("/dealers/here")
    assert "西湖店" in shopper.fragment("/dealers/mine")
    assert "no-store" in shopper.http.get("/dealers/mine").headers["Cache-Control"]
    choose(shopper, "")
    assert "选择城市" in shopper.fragment("/dealers/here")


def test_a_place_gives_the_nearest_store_and_its_distance(app):
    shop.build()
    shopper = Shopper(app)
    card = shopper.fragment("/dealers/mine?lat=30.2&lng=120.1")
    assert 'data-city="杭州市"' in card
    assert "0m" in card
    assert "杭州市" in shopper.fragment("/dealers/here?lat=30.2&lng=120.1")


def test_the_store_that_was_nearest_is_remembered_without_the_place(app):
    shop.build()
    shopper = Shopper(app)
    shopper.http.set_cookie("city", quote("杭州市"))
    shopper.http.set_cookie("shop", "west")
    assert "西湖店" in shopper.fragment("/dealers/here")
    shopper.http.set_cookie("shop", "east")  # a store of another city
    assert "西湖店" not in shopper.fragment("/dealers/here")


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil", "/a b", "javascript:1", "/x\r\ny"]
)
def test_the_way_back_stays_in_the_shop(app, back):
    shop.build()
    assert choose(Shopper(app), "杭州市", back).headers["Location"] == "/"


@pytest.mark.parametrize("query", ["?lat=x&lng=1", "?lat=91&lng=0", "?lat=nan&lng=1", "?lng=1"])
def test_a_place_that_is_none_is_a_sentence(app, query):
    shop.build()
    assert "选择城市" in Shopper(app).fragment("/dealers/mine" + query)


@pytest.mark.parametrize("cookie", ["%00", "x" * 3000, "%FF", "<b>"])
def test_absurd_cookies_are_no_city(app, cookie):
    shop.build()
    shopper = Shopper(app)
    shopper.http.set_cookie("city", cookie)
    assert "选择城市" in shopper.fragment("/dealers/here")
    shopper.page("/cities?q=" + "%F0%9F%9A%97" * 50)


def test_the_picker_offers_recent_cities_and_a_place_on_a_tap(app):
    shop.build()
    shopper = Shopper(app)
    assert "最近</h2>" not in shopper.page("/cities")
    choose(shopper, "上海市")
    assert choose(shopper, "杭州市", "/dealers").headers["Location"] == "/dealers?city=" + quote("杭州市")
    page = shopper.page("/cities")
    assert re.search(r'最近</h2><p class="chips"><button class="chip" name="city" value="上海市">', page)
    located = shopper.fragment("/cities/here?lat=30.2&lng=120.1&system=wgs84")
    assert 'value="杭州市"' in located
    assert "no-store" in shopper.http.get("/cities/here?lat=30.2&lng=120.1").headers["Cache-Control"]
    assert "请选择所在城市" in shopper.http.get("/cities/here?lat=abc&lng=1").text
    choose(shopper, "")
    assert "最近</h2>" not in shopper.page("/cities")


def test_a_proxys_guess_is_a_suggestion_that_somebody_takes_or_not(app):
    shop.build()
    guess = {"X-City": "hangzhou"}
    assert "按网络推测" not in app.test_client().get("/cities", headers=guess).text
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update={"city_header": "X-City"})
    for word, expected in (
        ("hangzhou", True),
        (quote("杭州市"), True),
        ("mars", False),
        ("", False),
        ("%FF" * 99, False),
    ):
        page = app.test_client().get("/cities", headers={"X-City": word}).text
        assert ('value="杭州市">杭州市 <small>按网络推测' in page) is expected
    assert "杭州市" not in app.test_client().get("/dealers/here", headers=guess).text
