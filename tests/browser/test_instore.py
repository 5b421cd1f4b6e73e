"""In the store: scan a car, call, be answered on the same page, check in; no place, no camera, no scripts."""

import contextlib
import re
import sqlite3

from playwright.sync_api import expect

from tests.browser.conftest import House
from tests.browser.people import Clerk


def stands(house: House) -> tuple[str, dict[str, str]]:
    """The store of the demo's sample codes, and one code of each kind that is in use."""
    with contextlib.closing(sqlite3.connect(house.folder / "shop.db")) as connection:
        rows = connection.execute(
            "SELECT d.slug, c.kind, c.code FROM store_codes c JOIN dealers d ON d.id = c.dealer_id "
            "WHERE c.stock <> 'sold' ORDER BY c.id DESC"
        ).fetchall()
    return rows[0][0], {kind: code for _, kind, code in rows}


def test_from_the_scan_to_the_answer(house, phone):
    slug, codes = stands(house)
    clerk = Clerk(phone(), house)
    clerk.join(slug)
    clerk.page.get_by_role("button", name="上班 8 小时").click()
    expect(clerk.page.get_by_text("我在值班")).to_be_visible()
    guest = phone(user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)")
    guest.goto(f"{house.url}/scan")
    guest.get_by_role("button", name="扫一扫").click()
    expect(guest.get_by_text("打不开摄像头")).to_be_visible()
    guest.fill("#code", codes["car"].lower())
    guest.get_by_role("button", name="打开").click()
    expect(guest.get_by_role("heading", name="你面前这台")).to_be_visible()
    guest.get_by_role("button", name=re.compile("核对位置")).click()
    expect(guest.get_by_text("没有定位也可以")).to_be_visible()
    guest.get_by_role("button", name="叫顾问").click()
    expect(guest.get_by_text("正在叫顾问")).to_be_visible()
    clerk.page.goto(f"{house.url}/staff/calls")
    clerk.page.get_by_role("button", name="马上来").click()
    expect(guest.get_by_role("heading", name=re.compile("马上来"))).to_be_visible()
    clerk.page.get_by_role("button", name="已接待").click()
    expect(guest.get_by_role("heading", name="已接待")).to_be_visible()
    clerk.page.goto(f"{house.url}/staff/traffic")
    expect(clerk.page.get_by_text("叫顾问").first).to_be_visible()


def test_two_scanned_cars_are_offered_side_by_side(house, phone):
    with contextlib.closing(sqlite3.connect(house.folder / "shop.db")) as connection:
        cars = connection.execute(
            "SELECT c.code, t.slug FROM store_codes c JOIN trims t ON t.id = c.trim_id "
            "WHERE c.stock <> 'sold' ORDER BY c.id"
        ).fetchall()
    guest = phone()
    for code, _ in cars[:2]:
        guest.goto(f"{house.url}/q/{code}")
    guest.locator("#pair").get_by_role("link", name="一起比较").click()
    expect(guest).to_have_url(f"{house.url}/compare?trims={cars[1][1]},{cars[0][1]}")


def test_check_in_without_scripts_in_care_mode(house, phone):
    _, codes = stands(house)
    guest = phone(java_script_enabled=False)
    guest.context.add_cookies([{"name": "mode", "value": "care", "url": house.url}])
    guest.goto(f"{house.url}/q/{codes['desk']}")
    guest.get_by_role("link", name="叫顾问、到店签到").click()
    guest.get_by_role("button", name="到店签到").click()
    expect(guest.get_by_role("heading", name=re.compile("已签到"))).to_be_visible()
    guest.get_by_role("button", name="不用了").click()
    expect(guest.get_by_role("heading", name="已取消")).to_be_visible()
