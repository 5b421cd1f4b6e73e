"""适合你 on a phone: built from the pages opened here, forgotten with one tap, moving nothing that is read."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_series import SHIFTS

pytestmark = pytest.mark.browser
KEPT = "localStorage.getItem('seen')"


def test_nothing_until_a_car_was_opened_here_then_others_with_the_reason(house, phone):
    page = phone()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "yx-s5" in request.url else None)
    page.goto(house.url + "/", wait_until="networkidle")
    expect(page.get_by_role("heading", name="适合你")).to_have_count(0)
    page.goto(house.url + "/series/yx-s5", wait_until="networkidle")
    assert page.evaluate(KEPT) == '["yx-s5"]'
    asked.clear()
    page.add_init_script(SHIFTS)
    for path in ("/", "/series"):
        page.goto(house.url + path, wait_until="networkidle")
        part = page.locator("#for-you")
        expect(part.get_by_role("heading", name="适合你")).to_be_attached()
        expect(part).to_contain_text("看过岫 S5。")
        assert page.locator("#for-you a").count() in {1, 2, 3}
        assert page.evaluate("window.shift") <= 0.02
    assert {url.partition("?")[0] for url in asked if "seen" in url} == {house.url + "/series/for-you"}
    assert not [cookie for cookie in page.context.cookies() if "yx-s5" in cookie.get("value", "")]
    page.get_by_role("button", name="清除").click()
    expect(part).to_be_empty()
    assert page.evaluate(KEPT) is None


def test_works_in_care_mode_and_the_tray_stays(house, phone):
    page = phone()
    page.goto(house.url + "/series/yx-h3", wait_until="networkidle")
    page.context.add_cookies([{"name": "mode", "value": "care", "url": house.url}])
    page.goto(house.url + "/series", wait_until="networkidle")
    button = page.get_by_role("button", name="清除")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 60
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
