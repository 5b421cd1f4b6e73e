"""Looking for a car on a phone: filters whose address keeps up, the tray, the comparison, the search."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_filters_in_a_sheet_keep_the_address_and_the_way_back(house, phone):
    page = phone()
    page.goto(house.url + "/")
    page.goto(house.url + "/series")
    page.locator("#bar a").first.click()
    page.locator("label", has_text="15–20 万").click()  # waits until the sheet stands still
    expect(page.get_by_role("checkbox", name=re.compile("15–20 万"))).to_be_checked()
    button = page.get_by_role("button", name="查看 3 款")
    expect(button).to_be_visible()
    button.click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page).to_have_url(house.url + "/series?price=15-20")
    expect(page.get_by_role("status").first).to_have_text("3 款")
    page.get_by_role("link", name="价格高到低").click()
    expect(page).to_have_url(house.url + "/series?price=15-20&sort=-price")
    page.get_by_role("link", name=re.compile("^去掉价格")).click()
    expect(page).to_have_url(house.url + "/series?sort=-price")
    page.reload()
    expect(page.locator("li.car")).to_have_count(6)
    page.go_back()
    expect(page).to_have_url(house.url + "/")


def test_filters_without_javascript(house, phone):
    page = phone(java_script_enabled=False)
    page.goto(house.url + "/series")
    page.get_by_role("link", name=re.compile("^能源")).click()
    page.get_by_role("checkbox", name=re.compile("纯电")).check(force=True)
    page.locator("#f-energy button").click()
    expect(page.locator("li.car")).to_have_count(2)
    page.get_by_role("link", name=re.compile("去掉能源")).click()
    expect(page.locator("li.car")).to_have_count(6)


def test_facets_beside_the_list_on_a_desktop(house, phone):
    page = phone(viewport={"width": 1280, "height": 900}, is_mobile=False, has_touch=False)
    page.goto(house.url + "/series")
    page.get_by_role("checkbox", name=re.compile("^纯电 ")).check(force=True)
    expect(page).to_have_url(re.compile("energy="))
    expect(page.locator("li.car")).to_have_count(2)
    expect(page.get_by_role("checkbox", name=re.compile("^纯电 "))).to_be_focused()
    box = page.locator("#filters").bounding_box()
    assert box is not None
    assert 250 <= box["width"] <= 270


def test_tray_collects_trims_and_opens_their_comparison(house, phone):
    page = phone()
    page.goto(house.url + "/series")
    tray = page.locator("#tray")
    expect(tray).to_be_hidden()
    for place in (0, 2):
        page.locator("[data-compare]").nth(place).click()
    expect(tray).to_have_text("对比 2/4")
    page.reload()
    expect(tray).to_have_text("对比 2/4")
    expect(page.locator("[data-compare]").first).to_have_attribute("aria-pressed", "true")
    tray.click()
    expect(page).to_have_url(house.url + "/compare?trims=yx-s5-26-520,yx-e7-26-610")
    page.get_by_role("link", name=re.compile("^去掉岫 E7")).click()
    page.go_back()
    page.get_by_role("link", name="只看差异").click()
    expect(page.get_by_text("项有差异").last).to_be_visible()
    page.get_by_role("link", name=re.compile("^把岫 S5.*换成")).click()
    sheet = page.get_by_role("dialog", name="换掉 520 舒享版")
    sheet.get_by_role("link", name=re.compile("605 悦享版")).click()
    expect(page).to_have_url(house.url + "/compare?trims=yx-s5-26-605,yx-e7-26-610&diff=1")


def test_head_and_first_column_stay_while_the_table_moves(house, phone):
    page = phone()
    page.goto(house.url + "/compare?trims=yx-s5-26-520,yx-e7-26-610,yx-m6-26-152,yx-h3-26-15l")
    box = page.locator(".cmp-box")
    before = page.locator(".cmp thead th").first.bounding_box()
    box.evaluate("e => e.scrollTo(200, 900)")
    page.wait_for_timeout(300)
    assert page.locator(".cmp thead th").first.bounding_box() == before
    head, group = before, page.locator(".cmp-g").nth(1).locator("th").bounding_box()
    assert head is not None
    assert group is not None
    assert group["y"] >= head["y"] + head["height"] - 2


def test_search_while_typing_and_what_was_searched(house, phone):
    page = phone()
    page.goto(house.url + "/search")
    page.get_by_role("searchbox").press_sequentially("xs5")
    expect(page.locator("#found")).to_contain_text("岫 S5")
    expect(page).to_have_url(house.url + "/search?q=xs5")
    page.locator("#found a").first.click()
    expect(page).to_have_url(re.compile("/series/yx-s5"))
    page.goto(house.url + "/search")
    recent = page.locator("#recent")
    expect(recent.get_by_role("link", name="xs5")).to_be_visible()
    recent.get_by_role("button", name="删除xs5").click()
    expect(recent).to_be_hidden()
    assert page.evaluate("localStorage.getItem('searched')") is None
    assert page.context.cookies() == []


def test_a_search_of_two_thousand_characters_is_answered_by_the_server(house, phone):
    page = phone()
    for text in ("岫" * 2000, "🚗" * 1000, "x" * 2000):
        answer = page.goto(f"{house.url}/search?q={text}")
        assert answer is not None
        assert answer.status == 200
        expect(page.get_by_role("heading", level=1)).to_be_attached()
