"""robots.txt, the sitemap, the share signature."""

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from sqlalchemy import select

from app.booking.models import OnePriceDeal
from app.catalog.models import Series
from app.core.db import db, transaction
from app.core.errors import GatewayError
from app.gateways.wechat.port import JsConfig, NotSignable
from app.sharing import views
from tests.booking import shop
from tests.client import Shopper

BASE = "http://127.0.0.1:8000"
SPACE = {"s": views.XMLNS}


@pytest.fixture
def shopper(app) -> Shopper:
    shop.build()
    return Shopper(app)


def locations(text: str) -> list[str]:
    return [str(node.text) for node in ElementTree.fromstring(text).iterfind(".//s:loc", SPACE)]


def test_robots_names_the_sitemap_and_keeps_private_pages_out(shopper):
    text = shopper.http.get("/robots.txt").text
    assert f"Sitemap: {BASE}/sitemap.xml" in text
    assert "Disallow: /me\n" in text
    assert "Disallow: /series" not in text


def test_sitemap_names_every_public_page_that_is_shown(shopper):
    answer = shopper.http.get("/sitemap.xml")
    assert answer.mimetype == "application/xml"
    found = locations(answer.text)
    assert {f"{BASE}{path}" for path in ("/", "/series", "/series/s5", "/deals/d1", "/dealers/west")} <= set(found)
    assert len(found) == len(set(found))
    assert not any("/tools/" in url or "/share/" in url for url in found)
    assert "<lastmod>2026-11-22</lastmod>" in answer.text
    for url in found:
        assert shopper.http.get(url.removeprefix(BASE)).status_code == 200, url


def test_what_is_over_or_withdrawn_is_not_in_the_sitemap(shopper):
    with transaction():
        deal = db.session.scalars(select(OnePriceDeal)).one()
        deal.starts_at, deal.ends_at = deal.starts_at - timedelta(days=400), deal.ends_at - timedelta(days=400)
        db.session.scalars(select(Series)).one().status = "下架"
    found = locations(shopper.http.get("/sitemap.xml").text)
    assert not any("/deals/" in url or "/series/" in url for url in found)


def test_a_large_sitemap_is_an_index_of_parts(shopper, monkeypatch):
    everything = locations(shopper.http.get("/sitemap.xml").text)
    monkeypatch.setattr(views, "PER_SITEMAP", 3)
    parts = locations(shopper.http.get("/sitemap.xml").text)
    assert parts[0] == f"{BASE}/sitemap-1.xml"
    gathered = [u for part in parts for u in locations(shopper.http.get(part.removeprefix(BASE)).text)]
    assert gathered == everything
    assert shopper.http.get("/sitemap-0.xml").status_code == 404
    assert shopper.http.get("/sitemap-999.xml").status_code == 404


class Signer:
    def __init__(self, answer: JsConfig | Exception) -> None:
        self.answer = answer

    def js_config(self, url: str) -> JsConfig:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_share_signature_is_never_kept(app, shopper):
    app.extensions["wechat"] = Signer(JsConfig("wx1", 1_700_000_000, "nonce", "abc"))
    answer = shopper.http.get(f"/share/config?url={BASE}/series")
    assert answer.json == {"appId": "wx1", "timestamp": 1_700_000_000, "nonceStr": "nonce", "signature": "abc"}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("problem", "status"), [(NotSignable("x"), 404), (GatewayError("wechat", "40001"), 503)], ids=["foreign", "down"]
)
def test_no_signature_for_foreign_pages_or_when_wechat_is_down(app, shopper, problem, status):
    app.extensions["wechat"] = Signer(problem)
    assert shopper.http.get("/share/config?url=https://evil.example/").status_code == status
