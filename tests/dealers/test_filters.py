"""Chips of the list of stores: in the address, counted, without JavaScript, beside offers of the rooms above."""

import re
from datetime import datetime
from html import unescape
from urllib.parse import quote

import pytest
import time_machine
from sqlalchemy import select

from app.core import clock, publishing
from app.core.db import db, transaction
from app.dealers import geo, narrowing
from app.dealers.models import Dealer
from app.dealers.narrowing import Narrowed
from app.dealers.rules import direction_words
from tests.booking import shop
from tests.client import Shopper
from tests.coupons import campaigns

MORNING = datetime(2026, 12, 1, 10, 0, tzinfo=clock.SHANGHAI)
NIGHT = datetime(2026, 12, 1, 3, 0, tzinfo=clock.SHANGHAI)
CITY = "/dealers?city=" + quote("杭州市")


@pytest.fixture
def shopper(app) -> Shopper:
    """Twelve stores in 杭州市: one in three charges cars, one in four opens at noon."""
    shop.build()
    with transaction():
        for n in range(12):
            own = {"hours": "每天 12:00-20:00" if n % 4 == 0 else "每天 09:00-20:00"}
            own["services"] = "销售；试驾；充电" if n % 3 == 0 else "销售；售后"
            place = {
                "province": "浙江省",
                "city": "杭州市",
                "address": f"样例路 {n} 号",
                "lat": 30.2 + n / 100,
                "lng": 120.1,
            }
            fixed = {"phone": "057188880000", "status": "营业", "updated_at": shop.NOW}
            db.session.add(Dealer(slug=f"n{n:02}", name=f"样例店 {n:02}", **own, **place, **fixed))
        publishing.bump()
    return Shopper(app)


def names(page: str) -> list[str]:
    return re.findall(r"样例店 \d\d", re.sub(r"<title>.*?</title>", "", page))


def chips(page: str) -> dict[str, str]:
    """What each chip says, and where it leads."""
    found = re.findall(r'<a class="chip" href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL)
    return {re.sub(r"<[^>]+>", "", text).strip(): unescape(href) for href, text in found}


def test_chips_lead_to_what_they_count(shopper):
    with time_machine.travel(MORNING, tick=False):
        page = shopper.page(CITY)
        for chip, stores in (("充电 4", 4), ("售后 8", 8), ("营业中 9", 9)):
            assert len(names(shopper.page(chips(page)[chip]))) == stores
        both = shopper.page(chips(shopper.page(chips(page)["充电 4"]))["营业中 3"])
        assert len(names(both)) == 3
        assert "杭州市 3 家，共 14 家" in both
        assert "noindex" in both
        off = chips(both)["充电"]
        assert len(names(shopper.page(off))) == 9


def test_pages_keep_the_filters_and_end(shopper):
    page = shopper.page(CITY + "&service=" + quote("销售"))
    assert 'hx-get="/dealers?city=%E6%9D%AD%E5%B7%9E%E5%B8%82&amp;page=2&amp;service=%E9%94%80%E5%94%AE"' in page
    assert len(names(shopper.fragment(CITY + "&page=2&service=" + quote("销售")))) == 2


def test_nothing_fits_and_the_way_out_is_one_tap(shopper):
    with time_machine.travel(NIGHT, tick=False):
        page = shopper.page(CITY + "&open=1")
        assert "没有符合条件的门店" in page
        assert "清除条件" in page
        near = shopper.page("/dealers/nearby?lat=30.2&lng=120.1&open=1")
        assert "没有符合条件的门店" in near
        assert 'href="/dealers/nearby?lat=30.2&amp;lng=120.1"' in near


@pytest.mark.parametrize("query", ["service=<script>", "service=%00", "open=2", "deal=' OR 1=1", "coupon=" + "x" * 500])
def test_words_that_mean_nothing_narrow_nothing(shopper, query):
    assert len(names(shopper.page(f"{CITY}&{query}&page=2"))) == 12
    assert "样例店" in shopper.page(f"/dealers/nearby?lat=30.2&lng=120.1&{query}")


@pytest.mark.both_databases
def test_stores_of_a_deal_and_of_a_coupon(shopper):
    page = shopper.page("/dealers?deal=d1&city=" + quote("杭州市"))
    assert "西湖店" in page
    assert names(page) == []
    assert "不再只看参与“岫 S5 一口价”的门店" in page
    assert "没有找到这个活动" in shopper.page(CITY + "&deal=nothing")
    mine = db.session.scalar(select(Dealer.id).where(Dealer.slug == "n03"))
    campaigns.campaign("c1", dealers=(mine or 0,))
    with transaction():
        publishing.bump()
    near = shopper.http.get(
        "/dealers/nearby?lat=30&lng=120&coupon=c1", headers={"Accept": "application/json"}
    ).get_json()
    assert [one["code"] for one in near["dealers"]] == ["n03"]
    assert names(shopper.page(CITY + "&coupon=c1&deal=d1")) == []


def test_a_room_registers_its_offers_by_kind(app):
    assert narrowing.kinds() == ["coupon", "deal"]
    narrowing.register("test", lambda slug, _now: Narrowed(slug, "/", None) if slug == "x" else None)
    try:
        assert narrowing.find("test", "x", shop.NOW) == Narrowed("x", "/", None)
        assert narrowing.find("test", "y", shop.NOW) is None
        assert narrowing.find("none", "x", shop.NOW) is None
    finally:
        narrowing._rooms.pop("test")


def test_nearby_says_direction_and_keeps_the_filters(shopper):
    page = shopper.fragment("/dealers/nearby?lat=30.195&lng=120.1&service=" + quote("充电"))
    assert "北 560m" in page
    assert "service=" in chips(page)["营业中"]
    assert chips(page)["充电"] == "/dealers/nearby?lat=30.195&lng=120.1"


@pytest.mark.parametrize(
    ("to", "word"),
    [
        ((120, 31), "北"),
        ((121, 31), "东北"),
        ((121, 30), "东"),
        ((120, 29), "南"),
        ((119, 30), "西"),
        ((119, 31), "西北"),
    ],
)
def test_directions_are_those_of_the_compass(to, word):
    assert direction_words(geo.bearing(120, 30, *to)) == word


def test_across_the_date_line_the_short_way_is_taken():
    assert direction_words(geo.bearing(179, 0, -179, 0)) == "东"
    assert geo.haversine_m(179, 0, -179, 0) == pytest.approx(222_390, rel=0.001)
