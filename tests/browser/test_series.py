"""The model page in a phone: what it weighs, what a finger and a keyboard can do, what stays when things fail."""

import gzip
import re
from pathlib import Path
from typing import Any

import brotli
import pytest
from playwright.sync_api import Page, Response, Route, expect

from app.catalog.pictures import checking, encoding

pytestmark = pytest.mark.browser

SERIES = "/series/yx-s5"
BROWSER = {"user_agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140 Mobile Safari/537.36"}
SHIFTS = """
  window.shift = 0;
  new PerformanceObserver(list => {
    for (const e of list.getEntries()) if (!e.hadRecentInput) window.shift += e.value;
  }).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def page(phone) -> Page:
    return phone(**BROWSER)


def open_page(house, page: Page, path: str = SERIES) -> list[Response]:
    """Open and wait until nothing moves; the answers it took."""
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.add_init_script(SHIFTS)
    page.goto(house.url + path, wait_until="networkidle")
    return answers


def refuse(route: Route) -> None:
    route.abort()


def pack_with_care(house, url: str) -> bytes:
    """The picture of an address as a shop packs it; the house has packed its own in haste."""
    digest, name = url.rsplit("/", 2)[1:]
    width, form = name.split(".")
    picture, _ = checking.opened(next(Path(house.environment["MEDIA_PATH"], digest).glob("original.*")))
    return encoding.encode(encoding.scaled(picture, int(width)), form)


def frames_of(page: Page, asked: list[str], count: int) -> set[str]:
    """The pictures that were asked for, once there are so many, and whichever follow in the next moment."""
    for _ in range(150):
        if len({url for url in asked if "/media/" in url}) >= count:
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(300)
    return {url for url in asked if "/media/" in url}


def test_first_view_keeps_to_its_budget(house, page):
    answers = open_page(house, page)
    sizes: dict[str, int] = {}
    pictures: list[str] = []
    for answer in answers:
        kind = answer.headers.get("content-type", "").partition(";")[0]
        body = answer.body()
        if kind == "text/html":
            if answer.url == house.url + SERIES:
                assert len(gzip.compress(body, 6)) <= 20 * 1024
        elif kind in {"text/css", "text/javascript", "application/javascript"}:
            sizes[kind[-3:]] = sizes.get(kind[-3:], 0) + len(brotli.compress(body))
        elif kind.startswith("image/") and "/media/" in answer.url:
            pictures.append(answer.url)
            assert len(pack_with_care(house, answer.url)) <= 45 * 1024, answer.url
    assert len(answers) <= 12, "\n".join(answer.url for answer in answers)
    assert sizes["css"] <= 14 * 1024
    assert sum(size for kind, size in sizes.items() if kind != "css") <= 25 * 1024
    assert page.evaluate("window.shift") <= 0.02
    assert len(pictures) == 1, pictures


def test_another_colour_swaps_the_picture_in_place_and_has_an_address(house, page):
    open_page(house, page)
    before = page.locator("#turn img").first.get_attribute("src")
    page.evaluate("window.same = true")
    page.get_by_role("link", name="绯云红 加 ¥2,000").click()
    expect(page.locator("#colour")).to_have_text("绯云红 加 ¥2,000")
    assert page.locator("#turn img").first.get_attribute("src") != before
    assert page.evaluate("window.same")
    assert page.evaluate("window.shift") <= 0.02
    expect(page.locator("#turn-hint")).to_be_hidden()
    page.reload()
    expect(page.locator("#colour")).to_have_text("绯云红 加 ¥2,000")
    page.get_by_role("link", name="砂岩银").click()
    expect(page.locator("#turn")).to_have_attribute("role", "slider")


def test_car_turns_under_a_finger_and_by_keys_and_buttons(house, page):
    asked: list[str] = []
    open_page(house, page)
    page.on("request", lambda request: asked.append(request.url))
    turn = page.get_by_role("slider", name=re.compile("360"))
    expect(turn).to_have_attribute("aria-valuetext", "左前 45 度")
    box = turn.bounding_box()
    assert box
    x, y = box["x"] + 150, box["y"] + 120
    page.mouse.move(x, y)
    page.mouse.down()
    expect(page.locator("#turn canvas")).to_be_visible()
    page.mouse.move(x + 18, y)
    page.mouse.move(x + 36, y)
    expect(turn).to_have_attribute("aria-valuetext", "正前")
    # A finger that rests before it leaves gives no swing.
    page.wait_for_timeout(500)
    page.mouse.up()
    turn.focus()
    page.keyboard.press("ArrowRight")
    expect(turn).to_have_attribute("aria-valuetext", "右前 15 度")
    page.keyboard.press("End")
    expect(turn).to_have_attribute("aria-valuetext", "正后")
    page.get_by_role("button", name="向左转").click()
    expect(turn).to_have_attribute("aria-valuetext", "右后 45 度")
    assert "turntable.js" in next(url for url in asked if "/media/" in url or url.partition("?")[0].endswith(".js"))
    assert len(frames_of(page, asked, 24)) == 24
    assert page.evaluate("getComputedStyle(document.getElementById('turn')).touchAction").startswith("pan-y")


def test_thrifty_phone_gets_eight_small_frames(house, page):
    page.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
    open_page(house, page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    turn = page.get_by_role("slider", name=re.compile("360"))
    turn.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="向右转")).to_be_visible()
    expect(page.locator("#turn[aria-busy]")).to_have_count(0)
    frames = frames_of(page, asked, 8)
    assert len(frames) == 8
    assert all("/480." in url for url in frames)


def test_frames_that_do_not_come_leave_the_still_picture(house, page):
    open_page(house, page)
    page.route("**/media/**", refuse)
    turn = page.get_by_role("slider", name=re.compile("360"))
    turn.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-turn-words]")).to_have_text("360° 暂时打不开")
    expect(page.locator("#turn img").first).to_be_visible()
    expect(page.locator("#turn canvas")).to_have_count(0)


def test_gallery_counts_opens_large_and_closes_by_going_back(house, page):
    open_page(house, page)
    page.locator("#gallery").scroll_into_view_if_needed()
    count = page.locator("#gallery .sec-h [data-count]")
    expect(count).to_have_text("1 / 5")
    page.locator("#gallery .slides").first.focus()
    page.keyboard.press("ArrowRight")
    expect(count).to_have_text("2 / 5")
    page.get_by_role("link", name="放大第 3 张，共 5 张").click()
    viewer = page.get_by_role("dialog", name="图集")
    expect(viewer.locator("[data-count]")).to_have_text("3 / 5")
    viewer.get_by_role("button", name="下一张").click()
    expect(viewer.locator("[data-count]")).to_have_text("4 / 5")
    page.go_back()
    expect(viewer).to_be_hidden()
    assert page.url.endswith(SERIES)


def test_running_price_is_the_button_of_the_bar(house, page):
    open_page(house, page)
    page.get_by_role("region", name="操作").get_by_role("link", name=re.compile(r"^¥172,800 订$")).click()
    expect(page).to_have_url(re.compile("/deals/yx-deal-s5-605$"))


def test_part_that_does_not_come_says_so_in_its_place_and_comes_on_a_tap(house, page):
    page.route("**/deals/for-series/**", refuse)
    open_page(house, page)
    again = page.get_by_role("button", name="优惠加载失败，点此重试")
    expect(again).to_be_visible()
    expect(page.locator("#banner")).to_be_empty()
    assert page.evaluate("window.shift") <= 0.02
    page.unroute("**/deals/for-series/**")
    again.click()
    expect(page.get_by_text("限量一口价").or_(page.get_by_text("605 悦享版 一口价")).first).to_be_visible()


def test_offline_is_said_and_goes_by_itself(house, page):
    open_page(house, page)
    page.context.set_offline(True)
    expect(page.get_by_text("网络不可用，正在等待恢复")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("网络不可用，正在等待恢复")).to_be_hidden()


def test_nearest_stores_come_on_a_tap_and_the_first_is_named_above(house, phone):
    page = phone(**BROWSER, geolocation={"latitude": 30.28, "longitude": 120.15}, permissions=["geolocation"])
    open_page(house, page)
    page.get_by_role("link", name="选门店", exact=True).click()
    page.get_by_role("link", name="使用我的位置").click()
    first = page.locator("#dealers .dealer h2, #dealers .dealer h3").first
    expect(first).to_be_visible()
    name = first.inner_text()
    expect(page.locator("[data-store-name]")).to_have_text(name)
    assert page.locator("#dealers > *:visible").count() <= 3
    expect(page.get_by_role("link", name="换门店")).to_be_visible()


def test_stores_of_the_remembered_city_come_without_leaving_the_page(house, page):
    page.goto(f"{house.url}/cities?back={SERIES}")
    page.get_by_role("button", name=re.compile("^杭州市")).first.click()
    page.wait_for_url(f"**{SERIES}")
    expect(page.locator("[data-store-name]")).to_have_text("杭州市")
    page.locator("#stores").scroll_into_view_if_needed()
    expect(page.locator("#dealers .dealer").first).to_be_visible()
    assert page.locator("#dealers > *:visible").count() <= 3
    expect(page.locator("[data-store-name]")).to_contain_text("店")


def test_everything_has_a_way_without_javascript(house, phone):
    page = phone(**BROWSER, java_script_enabled=False)
    page.goto(house.url + SERIES)
    page.get_by_role("link", name="绯云红 加 ¥2,000").click()
    expect(page.locator("#colour")).to_have_text("绯云红 加 ¥2,000")
    page.get_by_role("link", name="参数：605 悦享版").click()
    expect(page.locator("#specs [aria-current]")).to_have_text("605 悦享版")
    expect(page.locator("#colour")).to_have_text("绯云红 加 ¥2,000")
    picture = page.get_by_role("link", name="放大第 1 张，共 5 张").get_attribute("href")
    assert page.request.get(house.url + str(picture)).headers["content-type"].startswith("image/")
    page.get_by_role("region", name="操作").get_by_role("link", name="看一口价").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("岫 S5 一口价")


@pytest.mark.parametrize(("series", "trim"), [("yx-s5", "yx-s5-26-605"), ("yx-r", "yx-r-27-20t-q")])
def test_specification_sheet_fits_two_sides_of_paper(house, phone, series, trim):
    page = phone(**BROWSER, is_mobile=False)
    page.goto(f"{house.url}/series/{series}/specs?trim={trim}", wait_until="networkidle")
    paper = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) <= 2
    page.emulate_media(media="print")
    assert page.get_by_role("button", name="打印").is_hidden()
    expect(page.get_by_role("table").first).to_be_visible()


def test_motion_is_left_out_when_it_is_unwanted(house, phone):
    page: Page = phone(**BROWSER, reduced_motion="reduce")
    open_page(house, page)
    turn = page.get_by_role("slider", name=re.compile("360"))
    turn.focus()
    page.keyboard.press("Home")
    expect(turn).to_have_attribute("aria-valuetext", "正前")
    flick(page, turn.bounding_box())
    said = turn.get_attribute("aria-valuetext")
    page.wait_for_timeout(300)
    assert turn.get_attribute("aria-valuetext") == said


def flick(page: Page, box: Any) -> None:
    """A quick drag that would run on."""
    x, y = box["x"] + 100, box["y"] + 100
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 8):
        page.mouse.move(x + step * 15, y)
    page.mouse.up()
