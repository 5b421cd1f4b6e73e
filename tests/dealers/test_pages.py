"""Stores by city and by distance: true distances, hostile places answered with one sentence."""

from datetime import datetime

import pytest
import time_machine
from sqlalchemy import select

from app.core import clock, publishing
from app.core.db import db, transaction
from app.dealers import maps, queries
from app.dealers.geo import haversine_m, wgs84_to_gcj02
from app.dealers.models import Dealer
from app.dealers.rules import distance_words
from tests.booking import shop
from tests.client import Shopper
from tests.gateways.vectors import DOCUMENT


@pytest.fixture
def shopper(app) -> Shopper:
    shop.build()
    with transaction():
        for n in range(25):
            db.session.add(
                Dealer(
                    slug=f"n{n:02}",
                    name=f"样例店 {n}",
                    province="浙江省",
                    city="杭州市",
                    address=f"样例路 {n} 号",
                    lat=30.0 + (n * 37 % 25) / 50,
                    lng=120.0 + (n * 11 % 25) / 50,
                    phone="057188880000",
                    status="营业",
                    updated_at=shop.NOW,
                )
            )
    return Shopper(app)


def test_nearest_are_in_true_order_page_by_page(shopper):
    url, found = "/dealers/nearby?lat=30.2&lng=120.2", []
    while url:
        answer = shopper.http.get(url, headers={"Accept": "application/json"}).get_json()
        found += answer["dealers"]
        url = answer["next"]
    assert len(found) == len({d["code"] for d in found}) == 28
    distances = [d["distance_m"] for d in found]
    assert distances == sorted(distances)
    for d in found:
        assert abs(d["distance_m"] - haversine_m(120.2, 30.2, d["lng"], d["lat"])) <= 1
    assert set(found[0]) == {
        "code", "name", "distance_m", "lat", "lng", "city", "address", "phone", "open_now", "url",
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    ["", "lat=abc&lng=1", "lat=999&lng=1", "lat=nan&lng=1", "lat=1e400&lng=1", "lat=1&lng=-inf", "lat=<script>&lng=2"]
    + ["lat=1&lng=2&offset=-1", "lat=1&lng=2&offset=x", "lat=1' OR '1'='1&lng=2", "lat=1&lng=2&offset=99999999999"],
)
def test_what_is_no_place_is_one_sentence(shopper, query):
    answer = shopper.http.get(f"/dealers/nearby?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert answer.get_json()["error"] == "place_unreadable"
    assert "请选择" in shopper.page(f"/dealers/nearby?{query}", status=422)


def test_places_are_asked_for_so_often_and_no_more(shopper):
    head = {"Accept": "application/json"}
    seen = [shopper.http.get("/dealers/nearby?lat=x&lng=1", headers=head).status_code for _ in range(121)]
    assert seen == [422] * 120 + [429]


@pytest.mark.parametrize(("lat", "lng"), [(0, 0), (90, 180), (-90, -180), (35.6, 139.7), (30.2, -179.9)])
def test_places_in_the_sea_and_abroad_have_a_nearest_store_too(app, shopper, lat, lng):
    rows, more = queries.nearest(lat, lng, clock.now())
    assert len(rows) == 10
    assert more


def test_a_browsers_place_is_converted(app, shopper):
    place = wgs84_to_gcj02(120.2, 30.2)
    ours = shopper.http.get("/dealers/nearby?lat=30.2&lng=120.2&system=wgs84", headers={"Accept": "application/json"})
    same = shopper.http.get(f"/dealers/nearby?lat={place.lat}&lng={place.lng}", headers={"Accept": "application/json"})
    assert ours.get_json()["dealers"] == same.get_json()["dealers"]
    assert "system=wgs84" in ours.get_json()["next"]


def test_pages(app, shopper):
    assert "样例店 3" in shopper.page("/dealers?city=杭州市")
    assert "浙江省杭州市样例路 1 号" in shopper.page("/dealers/west")
    assert "浦东店" in shopper.page("/dealers?city=上海市")
    shopper.page("/dealers?city=不存在")
    assert 'id="nearby"' in shopper.fragment("/dealers/nearby?lat=30&lng=120")
    shopper.page("/dealers/nearby?lat=30&lng=120")
    assert "暂停营业" in shopper.page("/dealers/shut")
    shopper.page("/dealers/nowhere", status=404)


def test_a_city_is_listed_page_by_page(shopper):
    """27 stores in the city: ten a page; a direct load shows every page before it, htmx the one alone."""
    parts = [shopper.fragment(f"/dealers?city=杭州市&page={n}") for n in (1, 2, 3)]
    assert [part.count("<article") for part in parts] == [10, 10, 7]
    assert ["加载更多" in part for part in parts] == [True, True, False]
    assert shopper.page("/dealers?city=杭州市&page=2").count("<article") == 20
    assert "杭州市 27 家" in shopper.page("/dealers?city=杭州市")


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 400, "２", "1e3", "<b>", ""])
def test_what_is_no_page_is_the_first_or_the_last(shopper, page):
    assert "样例店" in shopper.page(f"/dealers?city=杭州市&page={page}")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "path", ["/dealers/%00", "/series/%00", "/dealers/%ff", "/series/%F0%9F%9A%97", "/dealers/" + "x" * 3000]
)
def test_absurd_addresses_are_not_found(app, path):
    Shopper(app).page(path, status=404)


def test_a_kept_list_says_closed_from_the_minute_it_is(app, shopper):
    with transaction():
        for store in db.session.scalars(select(Dealer).where(Dealer.city == "杭州市")):
            store.hours = "周一-周日 09:00-18:00"
        publishing.bump()
    evening = datetime(2026, 12, 1, 17, 59, 30, tzinfo=clock.SHANGHAI)
    with time_machine.travel(evening, tick=False) as moment:
        first = shopper.http.get("/dealers?city=杭州市").data
        assert shopper.http.get("/dealers?city=杭州市").data == first
        assert len(app.extensions["page_store"]) == 1
        moment.shift(30)
        assert shopper.http.get("/dealers?city=杭州市").data != first


def test_where_somebody_is_is_kept_by_no_cache(shopper):
    assert "no-store" in shopper.http.get("/dealers/nearby?lat=30&lng=120").headers["Cache-Control"]


def test_map_links_agree_with_the_published_vectors():
    for case in DOCUMENT["groups"]["map_uri"]["cases"]:
        lng, lat = case["point"]
        place = wgs84_to_gcj02(lng, lat)
        name = case["params"].get("name") or case["params"].get("title") or "杭州城西店"
        if case["name"].startswith("AMap marker"):
            assert f"position={case['params']['position'].replace(',', '%2C')}" in maps.amap(place.lat, place.lng, name)
        elif case["name"].startswith("Baidu marker: lat"):
            assert f"location={case['params']['location'].replace(',', '%2C')}" in maps.baidu(
                place.lat, place.lng, name
            )
        elif case["name"].startswith("Tencent marker"):
            point = case["params"]["marker"].split(";")[0].removeprefix("coord:").replace(",", "%2C")
            assert f"coord%3A{point}%3B" in maps.tencent(place.lat, place.lng, name)


@pytest.mark.parametrize(("metres", "words"), [(4, "0m"), (847, "850m"), (2_349, "2.3km"), (126_400, "126km")])
def test_distance_is_said_as_people_do(metres, words):
    assert distance_words(metres) == words
