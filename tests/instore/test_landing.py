"""What a scanned code opens: uniform 404, retired ones explained, few bytes and statements, no GET that writes."""

import gzip
import re
from datetime import timedelta
from pathlib import Path

import brotli
import pytest
import time_machine

from app.catalog.models import SpecItem
from app.core.db import db, transaction
from app.dealers.models import Dealer
from app.instore.models import CodeKey, StoreCode
from app.instore.queries import keys
from app.instore.rules import Kind, Stock, is_signed, sign
from app.instore.services import codes
from app.visits.models import Visit
from tests.booking import shop as s
from tests.booking.test_views import Wechat, fields, sign_in
from tests.catalog.test_pages import statements
from tests.client import Shopper, check
from tests.instore import codes as c

NOW, STATIC = s.NOW, Path(__file__).resolve().parents[2] / "static"
PHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.50"}


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop(app):
    app.extensions["wechat"] = Wechat()
    return s.build()


@pytest.fixture
def lead(shop):
    return c.manager(shop.west)


def packed(path: Path) -> int:
    return len(brotli.compress(path.read_bytes()))


def visits() -> int:
    db.session.rollback()
    return db.session.query(Visit).count()


def visit(browser, code: str, **heads: str):
    """What the page's script does: ask for the actions, then say that it is here."""
    seen = browser.get(f"/q/{code}/here", headers=PHONE | heads)
    token = fields(seen.text)["csrf_token"]
    return browser.post(f"/q/{code}/visits", data={"csrf_token": token}, headers=PHONE | heads)


def test_code_is_signed_and_one_changed_letter_is_404_without_asking_for_it(app, lead):
    made = c.code(lead)
    browser = app.test_client()
    assert len(made.code) == 12
    assert browser.get(f"/q/{made.code}").status_code == 200
    unknown = browser.get("/q/nonsense")
    for n in range(12):
        wrong = made.code[:n] + ("A" if made.code[n] != "A" else "B") + made.code[n + 1 :]
        with statements(app) as seen:
            answer = browser.get(f"/q/{wrong}")
        assert answer.status_code == 404
        assert not [one for one in seen if "store_codes" in one]
        assert re.sub(r"[0-9a-f]{16}", "", answer.text) == re.sub(r"[0-9a-f]{16}", "", unknown.text)


def test_signed_code_that_nobody_made_is_the_same_404(app, lead):
    c.code(lead)
    forged = sign(db.session.scalars(db.select(CodeKey.secret)).one(), "ABCDEFGH")
    assert app.test_client().get(f"/q/{forged}").status_code == 404


@pytest.mark.parametrize("text", ["", " ", "%00", "../admin", "ABCD-2345-WXYZ", "' OR 1=1 --", "٣" * 12, "A" * 4000])
def test_what_is_no_code_is_404(app, lead, text):
    c.code(lead)
    assert app.test_client().get(f"/q/{text}").status_code in {404, 302, 308}


def test_typed_code_finds_its_page_and_old_paper_outlives_a_new_secret_key(app, lead):
    made = c.code(lead)
    groups = f"{made.code[:4]} {made.code[4:8]}-{made.code[8:]}".lower()
    assert app.test_client().get(f"/q/{groups}").headers["Location"] == f"/q/{made.code}"
    app.config["SECRET_KEY"] = app.secret_key = "another key of enough length, ten years later"
    keys._kept.clear()  # pyright: ignore[reportPrivateUsage]
    with time_machine.travel(NOW + timedelta(days=3650), tick=False):
        assert app.test_client().get(f"/q/{made.code}").status_code == 200
    assert is_signed(db.session.scalars(db.select(CodeKey.secret)).one(), made.code)


def test_car_page_is_small_public_and_costs_four_statements(app, lead):
    made = c.code(lead, vin_tail="2086", stock=Stock.READY)
    with transaction():
        trim = made.trim_id
        for n, (name, value, unit) in enumerate(
            [("CLTC 纯电续航", "605", "km"), ("长", "4631", "mm"), ("轴距", "2800", "mm")]
        ):
            db.session.add(SpecItem(trim_id=trim, group_name="基本", name=name, value=value, unit=unit, position=n))
    shopper, code = Shopper(app), made.code
    shopper.page(f"/q/{code}/prices")  # the key of the codes is read once by each process
    with statements(app) as seen:
        text = shopper.page(f"/q/{code}")
    # The number under which pages are kept is asked for beside these.
    assert len(seen) <= 3, seen
    assert all(one.lstrip().upper().startswith("SELECT") for one in seen)
    for words in ("你面前这台", "岫 S5 2026款 长续航版", "现车可售", "2086", "605", "4,631", "西湖店", "¥", "无需关注"):
        assert words in text
    assert len(gzip.compress(text.encode(), 6)) <= 10 * 1024
    answer = shopper.http.get(f"/q/{made.code}")
    assert "Set-Cookie" not in answer.headers
    assert "csrf" not in answer.text
    assert answer.headers["Cache-Control"].startswith("public")
    assert text.count("<img") == text.count('loading="lazy"')
    assert visits() == 0


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.DESK, ("欢迎到店", "样例网络", "我的预订", "/test-drives/new?dealer=west")),
        (Kind.DRIVE, ("试驾", "/test-drives/new?dealer=west")),
        (Kind.SERVICE, ("售后服务",)),
        (Kind.PARKING, ("停好车了",)),
    ],
)
def test_each_kind_has_its_page(app, lead, kind, words):
    made = c.code(lead, kind, wifi_name="样例网络", wifi_password="12345678")
    text = Shopper(app).page(f"/q/{made.code}")
    assert all(one in text for one in (*words, "西湖店", "/coupons/for-dealer/west"))


def test_card_names_its_consultant_until_they_leave(app, shop, lead):
    who = s.clerk(shop.west, name="赵样例")
    made = c.code(lead, Kind.CARD, staff_id=who.id)
    assert "赵样例" in Shopper(app).page(f"/q/{made.code}")
    assert app.test_client().get(f"/q/{made.code}/here").status_code == 200


def test_sold_car_leads_to_others_here_and_like_it(app, shop, lead):
    sold, other = c.code(lead), c.code(lead, label="展厅 2 号车位")
    codes.set_stock(lead, sold.id, Stock.SOLD, NOW)
    text = Shopper(app).page(f"/q/{sold.code}")
    assert "这台车已售出" in text
    assert f"/q/{other.code}" in text
    assert "/series/s5" in text


def test_store_page_shows_display_cars_until_they_are_sold(app, lead):
    browser, part = app.test_client(), {"HX-Request": "true"}
    assert browser.get("/dealers/west/display-cars", headers=part).text.strip() == ""
    assert "还没有登记展车" in browser.get("/dealers/west/display-cars").text
    made = c.code(lead, stock=Stock.READY, vin_tail="2086")
    c.code(lead, Kind.DESK, label="前台")
    seen = browser.get("/dealers/west/display-cars", headers=part)
    check(seen.text, whole=False)
    assert f'href="/q/{made.code}"' in seen.text
    assert "现车可售" in seen.text
    assert seen.text.count("<li>") == 1
    assert "/dealers/west/display-cars" in browser.get("/dealers/west").text
    assert browser.get("/dealers/nowhere/display-cars").status_code == 404
    codes.set_stock(lead, made.id, Stock.SOLD, NOW)
    assert browser.get("/dealers/west/display-cars", headers=part).text.strip() == ""


def test_retired_code_and_closed_store_are_explained(app, shop, lead):
    made = c.code(lead)
    shopper = Shopper(app)
    shopper.page(f"/q/{made.code}")
    codes.retire_code(lead, made.id, "贴纸已换新", NOW)
    assert "贴纸已换新" in shopper.page(f"/q/{made.code}", 410)
    assert shopper.http.get(f"/q/{made.code}/here").status_code == 404
    other = c.code(lead, Kind.DESK)
    with transaction():
        db.session.get_one(Dealer, shop.west).status = "关闭"
    assert "已停止服务" in shopper.page(f"/q/{other.code}", 410)


def test_visit_is_counted_by_a_post_alone_and_carried_for_seven_days(app, lead):
    made = c.code(lead)
    browser = app.test_client()
    for _ in range(3):
        browser.get(f"/q/{made.code}", headers=PHONE)
    assert visits() == 0
    answer = visit(browser, made.code)
    assert answer.status_code == 204
    cookie = answer.headers["Set-Cookie"]
    assert "src=" in cookie
    assert "HttpOnly" in cookie
    assert "Max-Age=604800" in cookie
    assert visit(browser, made.code).headers.get("Set-Cookie", "").count("src=") == 0  # the same visit
    db.session.rollback()
    row = db.session.query(Visit).one()
    assert (row.code_id, row.first_ref) == (made.id, row.ref)


def test_staff_robots_and_those_who_refuse_are_not_counted(app, shop, lead):
    made = c.code(lead)
    from app.staff.models import StaffMember

    member = db.session.get_one(StaffMember, lead.id).member_id
    visit(sign_in(app, c.s.Actor("member", member)), made.code)
    visit(app.test_client(), made.code, **{"User-Agent": "Mozilla/5.0 (compatible; Baiduspider/2.0)"})
    visit(app.test_client(), made.code, **{"Sec-GPC": "1"})
    browser = app.test_client()
    own = browser.get("/visits")
    assert "不再记录" in own.text
    browser.post("/visits", data=fields(own.text))
    assert "已设为不记录" in browser.get("/visits").text
    visit(browser, made.code)
    assert visits() == 0


def test_ten_thousand_scans_from_one_address_are_limited(app, lead):
    made = c.code(lead)
    browser = app.test_client()
    token = fields(browser.get(f"/q/{made.code}/here", headers=PHONE).text)["csrf_token"]
    for _ in range(45):
        browser.delete_cookie("src")
        answer = browser.post(f"/q/{made.code}/visits", data={"csrf_token": token}, headers=PHONE)
        assert answer.status_code == 204
    assert visits() == 40
    assert app.test_client().get(f"/q/{made.code}").status_code == 200


@pytest.mark.parametrize(
    ("lat", "lng", "words"),
    [
        ("30.2001", "120.1001", "位置相符"),
        ("31.2", "121.4", "可能被调换"),
        ("abc", "1", "note warn"),
        ("NaN", "1", "note warn"),
        ("1e400", "1", "note warn"),
        ("999", "1", "note warn"),
        ("0 OR 1=1", "<script>", "note warn"),
    ],
)
def test_code_read_far_from_its_store_warns_and_keeps_no_place(app, lead, lat, lng, words):
    made = c.code(lead)
    browser = app.test_client()
    token = fields(browser.get(f"/q/{made.code}/here").text)["csrf_token"]
    answer = browser.post(f"/q/{made.code}/place", data={"csrf_token": token, "lat": lat, "lng": lng})
    assert answer.status_code == 200
    assert words in answer.text
    assert "<script>" not in answer.text


def test_prices_tell_the_landing_price_and_the_ledger(app, lead):
    made = c.code(lead)
    text = Shopper(app).page(f"/q/{made.code}/prices")
    assert "价格走势" in text or "还没有公布过价格" in text
    assert "落地价" in text


def test_change_shows_at_once_on_the_kept_page(app, shop, lead):
    made = c.code(lead)
    shopper = Shopper(app)
    assert "展车" in shopper.page(f"/q/{made.code}")
    codes.set_stock(lead, made.id, Stock.BOOKED, NOW)
    assert "已被预订" in shopper.page(f"/q/{made.code}")
    assert db.session.query(StoreCode).count() == 1


def test_landing_is_light_on_the_wire(app, lead):
    made = c.code(lead, Kind.CAR, vin_tail="2086")
    html = len(gzip.compress(app.test_client().get(f"/q/{made.code}").data, 6))
    scripts = [
        *STATIC.glob("vendor/htmx.org@*/htmx.min.js"),
        *(STATIC / "js" / f"{n}.js" for n in ("app", "mode", "visit")),
    ]
    js, css = sum(packed(path) for path in scripts), packed(STATIC / "css" / "app.css")
    assert html <= 10 * 1024
    assert html + css <= 24 * 1024
    assert js <= 25 * 1024
    assert html + css + js <= 45 * 1024
