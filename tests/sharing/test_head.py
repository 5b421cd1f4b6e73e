"""What pages say to the outside: canonical address, Open Graph, structured data, who may be found."""

import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from app.catalog.models import Picture, Series
from app.core import clock
from app.core.db import db, transaction
from app.core.publishing import bump
from app.dealers.models import Dealer
from tests.booking import shop
from tests.client import Shopper
from tests.sharing import checker

BASE = "http://127.0.0.1:8000"
PAGES = {
    "/": "/",
    "/series": "/series",
    "/series?energy=纯电&utm_source=x": "/series",
    "/series/s5": "/series/s5",
    "/series/s5?trim=s5-a&from=timeline": "/series/s5",
    "/deals": "/deals",
    "/deals/d1?isappinstalled=0": "/deals/d1",
    "/dealers": "/dealers",
    "/dealers/west": "/dealers/west",
    "/tools/loan?price=100000": "/tools/loan",
    "/tools/landing-price?trim=s5-a&third=0": "/tools/landing-price?trim=s5-a",
}


@pytest.fixture
def shopper(app) -> Shopper:
    shop.build()
    return Shopper(app)


def meta(page: str, name: str) -> str:
    found = re.findall(rf'<meta (?:property|name)="{name}" content="([^"]*)">', page)
    assert len(found) == 1, (name, found)
    return found[0]


def picture(digest: str) -> Picture:
    forms = "avif,webp,jpg,share"
    made = Picture(name=digest, digest=digest, width=960, height=540, widths="480,960", forms=forms, bytes=1)
    db.session.add(made)
    db.session.flush()
    return made


@pytest.mark.parametrize(
    "path", ["/", "/series", "/series/s5", "/deals", "/deals/d1", "/dealers", "/compare?trims=s5-a"]
)
def test_every_page_that_is_shared_has_a_square_picture(shopper, path):
    with transaction():
        db.session.scalars(select(Series)).one().cover_id = picture("c" * 64).id
        bump()
    assert meta(shopper.page(path), "og:image") == f"{BASE}/media/{'c' * 64}/share.jpg"


def test_a_store_shows_its_photo_else_the_first_car(shopper):
    with transaction():
        db.session.scalars(select(Series)).one().cover_id = picture("c" * 64).id
        bump()
    assert meta(shopper.page("/dealers/west"), "og:image") == f"{BASE}/media/{'c' * 64}/share.jpg"
    with transaction():
        db.session.scalars(select(Dealer).where(Dealer.slug == "west")).one().photo_id = picture("f" * 64).id
        bump()
    page = shopper.page("/dealers/west")
    assert meta(page, "og:image") == f"{BASE}/media/{'f' * 64}/share.jpg"
    assert "。电话 " in meta(page, "og:description")


def test_deals_and_stores_say_what_is_behind_the_card(shopper):
    deals = shopper.page("/deals")
    assert meta(deals, "og:title").endswith(" 一口价")
    assert meta(deals, "og:description").startswith("岫 S5 2026款 长续航版 ¥88,800。")
    assert meta(shopper.page("/dealers?city=杭州市"), "og:title").endswith(" 杭州市门店")
    with time_machine.travel(clock.now() + timedelta(days=400)):
        assert "如实写明" in meta(shopper.page("/deals"), "og:description")


@pytest.mark.parametrize(("path", "canonical"), PAGES.items())
def test_canonical_address_without_filters_and_tracking(shopper, path, canonical):
    page = shopper.page(path)
    assert re.findall(r'<link rel="canonical" href="([^"]*)"', page) == [BASE + canonical]
    assert meta(page, "og:url") == BASE + canonical
    assert meta(page, "og:title")
    assert meta(page, "og:description")
    assert meta(page, "description")
    assert 'content="noindex"' not in page
    checker.read(page)


def test_structured_data_of_a_series(shopper):
    product, trail = checker.read(shopper.page("/series/s5"))
    assert product["@type"] == ["Product", "Car"]
    assert product["offers"]["lowPrice"] == "105800.00"
    assert product["offers"]["availability"].endswith("InStock")
    assert [row["name"] for row in trail["itemListElement"]] == ["首页", "选车", "岫 S5"]


def test_structured_data_of_a_deal_and_its_end(shopper):
    product, _ = checker.read(shopper.page("/deals/d1"))
    assert product["offers"]["@type"] == "Offer"
    assert product["offers"]["price"] == "88800.00"


def test_structured_data_of_a_store(shopper):
    store, _ = checker.read(shopper.page("/dealers/west"))
    assert store["@type"] == "AutoDealer"
    assert store["address"]["addressLocality"] == "杭州市"


def test_lists_name_their_items(shopper):
    (cars,) = checker.read(shopper.page("/series"))
    assert cars["itemListElement"][0]["url"] == f"{BASE}/series/s5"
    (deals,) = checker.read(shopper.page("/deals"))
    assert deals["numberOfItems"] == 1


def test_a_name_cannot_end_the_data_block(shopper):
    with transaction():
        db.session.scalars(select(Series)).one().intro = "</script><script>alert(1)</script> & 岫"
        bump()
    product, _ = checker.read(shopper.page("/series/s5"))
    assert product["description"] == "</script><script>alert(1)</script> & 岫"


@pytest.mark.parametrize("path", ["/compare?trims=s5-a", "/share/poster/series/s5"])
def test_pages_without_content_of_their_own_are_not_indexed(shopper, path):
    assert '<meta name="robots" content="noindex">' in shopper.page(path)


@pytest.mark.parametrize("path", ["/me", "/staff", "/admin"])
def test_private_pages_are_never_indexed(shopper, path):
    assert shopper.http.get(path).headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "X-Robots-Tag" not in shopper.http.get("/series").headers


def test_checker_refuses_what_is_wrong():
    with pytest.raises(AssertionError, match="lacks"):
        checker.check({"@type": "Offer", "price": "1.00"})
    with pytest.raises(AssertionError):
        checker.check({"@type": "Brand", "name": "x", "price": "1"})
