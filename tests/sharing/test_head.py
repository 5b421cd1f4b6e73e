"""What pages say to the outside: canonical address, Open Graph, structured data, who may be found."""

import re

import pytest
from sqlalchemy import select

from app.catalog.models import Series
from app.core.db import db, transaction
from app.core.publishing import bump
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
