"""Home, the pages that belong to no room, and the shop's health."""

import json
import re
from pathlib import Path

import pytest

from tests.booking import shop
from tests.client import Shopper

ROOT = Path(__file__).resolve().parents[2]


def test_home_of_an_empty_shop_says_so(app):
    assert "展厅正在布置" in Shopper(app).page("/")


def test_home_shows_car_price_and_running_deal(app, monkeypatch):
    monkeypatch.setattr("app.core.clock.now", lambda: shop.NOW)
    shop.build()
    page = Shopper(app).page("/")
    assert "岫 S5" in page
    assert "限时一口价" in page
    assert "已订" in page


@pytest.mark.parametrize("name", ["terms", "privacy", "deposit"])
def test_legal_texts_are_marked_as_samples(app, name):
    assert "示例文本" in Shopper(app).page(f"/legal/{name}")


def test_privacy_text_says_what_stays_on_the_phone_and_how_to_clear_it(app):
    page = Shopper(app).page("/legal/privacy")
    for words in ("适合你", "只记在这台设备", "不保存", "点“适合你”旁的“清除”", "搜索过的词", "扫过的车只记在"):
        assert words in page
    scripts = "".join(file.read_text("utf-8") for file in (ROOT / "static/js").glob("*.js"))
    # A new thing kept on the phone has to be said there as well, so the kinds known to the text are counted here.
    keys = set(re.findall(r'KEY = "(\w+)"|(?:local|session)Storage\.setItem\("(\w+)"', scripts))
    assert {a or b for a, b in keys} == {"seen", "searched", "compare", "for", "claim", "scanned"}


def test_unknown_legal_text_is_404(app):
    Shopper(app).page("/legal/none", status=404)


def test_credits_name_the_authors(app):
    page = Shopper(app).page("/credits")
    manifest = json.loads((ROOT / "static/vendor/manifest.json").read_text("utf-8"))["files"]
    for vendored in manifest.values():
        name = {"@phosphor-icons/core": "Phosphor Icons", "htmx.org": "htmx"}.get(vendored["name"], vendored["name"])
        assert f"{name}, {vendored['licence']}" in page
    for author in ("Manrope", "Noto Sans SC", "pypinyin", "Andrew Kator", "Ruff", "eTeks", "Scopia", "CC BY 3.0"):
        assert author in page


def test_care_mode_without_javascript(app):
    shopper = Shopper(app)
    page = shopper.page("/mode?set=care")
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    answer = shopper.http.post("/mode", data={"set": "care", "csrf_token": token})
    assert answer.status_code == 303
    assert any(c.startswith("mode=care") for c in answer.headers.getlist("Set-Cookie"))


def test_me_shows_own_bookings_and_no_full_number(app, monkeypatch):
    monkeypatch.setattr("app.core.clock.now", lambda: shop.NOW)
    built, actor = shop.build(), shop.member()
    booking = shop.place(built, actor)
    shopper = Shopper(app)
    assert "/wechat/login" in shopper.http.get("/me").headers["Location"]
    with shopper.http.session_transaction() as session:
        session["_user_id"], session["seen"] = f"m:{actor.id}:1", int(shop.NOW.timestamp())
    page = shopper.page("/me")
    assert f"/bookings/{booking.no}" in page
    assert "西湖店" in page
    assert "139****2086" in page
    assert "13900002086" not in page
    assert "no-store" in shopper.http.get("/me").headers["Cache-Control"]


def test_unexpected_failure_is_a_page_with_the_request_id(app, monkeypatch):
    app.testing = False
    monkeypatch.setattr("app.catalog.queries.get_lineup", lambda: 1 / 0)
    answer = app.test_client().get("/series")
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text
    assert "ZeroDivision" not in answer.text
