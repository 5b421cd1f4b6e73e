"""Taps that come before a script is there, or before WeChat has answered, and scripts that never come."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect

from app.core import clock
from app.core.security import living_code
from tests.browser.people import DEAL, Clerk, Shopper
from tests.browser.test_series import BROWSER, SERIES

pytestmark = pytest.mark.browser
PLACE = {"geolocation": {"latitude": 30.28, "longitude": 120.15}, "permissions": ["geolocation"]}
NEAR = {**BROWSER, **PLACE}
OUR_SCRIPTS = re.compile(r"/static/.*(?<!/mode)\.js")
SDK = "**/jssdk/**"


@contextmanager
def held(page: Page, address: str | re.Pattern[str]) -> Iterator[Callable[[], None]]:
    """What is asked of an address waits until the function given is called, and never comes without."""
    waiting: list[Route] = []
    free = False

    def meet(route: Route) -> None:
        if free:
            route.continue_()
        else:
            waiting.append(route)

    def release() -> None:
        nonlocal free
        free = True
        for route in waiting:
            route.continue_()

    page.route(address, meet)
    yield release
    page.unroute(address)


def first_store(page: Page):
    return page.locator("#dealers .dealer").first


def scanned(house, shopper) -> str:
    """What a booking's living code holds now."""
    code = living_code(house.environment["SECRET_KEY"], "B", shopper.booking, clock.now())
    return f"{house.url}/r/{code.token}"


@pytest.fixture
def shopper(house, phone) -> Shopper:
    return Shopper(phone(), house)


@pytest.fixture
def desk(house, phone) -> Page:
    page = phone()
    Clerk(page, house).join()
    return page


def test_a_tap_before_any_script_is_there_waits_for_it(house, phone):
    page = phone(**NEAR)
    with held(page, OUR_SCRIPTS) as release:
        page.goto(f"{house.url}/dealers", wait_until="commit")
        page.get_by_role("link", name=re.compile("使用我的位置")).click()
        page.wait_for_timeout(300)
        assert page.url == f"{house.url}/dealers"
        release()
        expect(page.get_by_text("已按距离排序，位置不会被保存")).to_be_visible()
        expect(first_store(page)).to_contain_text("西湖")


def test_a_tap_before_the_stores_script_is_there_waits_for_it(house, phone):
    page = phone(**NEAR)
    with held(page, "**/js/near.js*") as release:
        page.goto(house.url + SERIES)
        near = page.get_by_role("link", name="使用我的位置")
        near.click()
        near.click()  # as people do
        page.wait_for_timeout(300)
        expect(first_store(page)).to_have_count(0)
        release()
        expect(first_store(page)).to_be_visible()
        assert page.url.startswith(house.url + SERIES)


def test_without_the_stores_script_the_tap_leads_to_the_cities(house, phone):
    page = phone(**NEAR)
    page.route("**/js/near.js*", lambda route: route.abort())
    page.goto(house.url + SERIES)
    page.get_by_role("link", name="使用我的位置").click()
    page.wait_for_url(f"**/cities?back={SERIES}")
    page.get_by_role("button", name=re.compile("^杭州市")).first.click()
    page.wait_for_url(f"**{SERIES}")
    expect(page.locator("[data-store-name]")).to_have_text("杭州市")


def test_a_place_is_asked_of_wechat_as_soon_as_it_answers(house, phone):
    page = phone(**PLACE)
    with held(page, SDK) as release:
        page.goto(f"{house.url}/dealers")
        page.get_by_role("link", name=re.compile("使用我的位置")).click()
        expect(page.get_by_text("正在定位…")).to_be_visible()
        release()
        wechat = page.frame_locator("iframe[data-wechat-sandbox=dialog]")
        wechat.get_by_role("button", name=re.compile("北京")).click()
        expect(page.get_by_text("已按距离排序，位置不会被保存")).to_be_visible()
        expect(first_store(page)).not_to_contain_text("西湖")


def test_without_wechats_answer_the_browser_is_asked_for_the_place(house, phone):
    for unanswered in (SDK, "**/share/config*", "**/sim/bridge/verify"):
        page = phone(**PLACE)
        with held(page, unanswered):
            page.goto(f"{house.url}/dealers")
            page.get_by_role("link", name=re.compile("使用我的位置")).click()
            expect(page.get_by_text("已按距离排序，位置不会被保存")).to_be_visible()
            expect(first_store(page)).to_contain_text("西湖")


def test_a_tap_on_scan_waits_for_wechat(house, desk, shopper):
    shopper.book(DEAL)
    shopper.pay()
    shopper.see("已付订金")
    for address in (OUR_SCRIPTS, SDK, "**/sim/bridge/verify"):
        with held(desk, address) as release:
            desk.goto(f"{house.url}/staff/scan", wait_until="commit")
            desk.get_by_role("button", name="扫一扫").click()
            if address != OUR_SCRIPTS:
                expect(desk.get_by_text("正在打开微信扫一扫…")).to_be_visible()
            release()
            scanner = desk.frame_locator("iframe[data-wechat-sandbox=dialog]")
            scanner.get_by_role("textbox").fill(scanned(house, shopper))
            scanner.get_by_role("button").first.click()
            expect(desk.get_by_role("button", name=re.compile("确认交车"))).to_be_visible()


@pytest.mark.parametrize("reason", ["wechat never answers", "no SDK", "the signature is refused"])
def test_without_wechat_a_tap_on_scan_takes_the_camera_or_says_to_type(house, desk, reason):
    address = SDK if reason == "no SDK" else "**/sim/bridge/verify"
    answers = {
        "wechat never answers": lambda route: None,
        "no SDK": lambda route: route.abort(),
        "the signature is refused": lambda route: route.fulfill(
            json={"err_msg": "preVerifyJSAPI:fail_invalid signature"}, headers={"Access-Control-Allow-Origin": "*"}
        ),
    }
    desk.route(address, answers[reason])
    desk.goto(f"{house.url}/staff/scan", wait_until="domcontentloaded")
    for _ in range(2):  # the second tap does what the first did
        desk.get_by_role("button", name="扫一扫").click()
        expect(desk.get_by_text("打不开摄像头，请输入数字码")).to_be_visible()
        expect(desk.locator("[name=code]")).to_be_focused()
    assert desk.locator("iframe[data-wechat-sandbox=dialog]").count() == 0


def test_typing_works_while_wechats_script_does_not_come(house, desk, shopper):
    shopper.book(DEAL)
    shopper.pay()
    shopper.see("已付订金")
    with held(desk, SDK) as release:
        desk.goto(f"{house.url}/staff/scan", wait_until="domcontentloaded")
        desk.get_by_role("button", name="扫一扫").click()  # and then typed all the same
        expect(desk.get_by_text("正在打开微信扫一扫…")).to_be_visible()
        desk.keyboard.type(scanned(house, shopper))  # a scanner on a cable
        desk.keyboard.press("Enter")
        expect(desk.get_by_role("button", name=re.compile("确认交车"))).to_be_visible()
        release()
        desk.wait_for_timeout(3_500)  # neither WeChat's answer nor the end of the wait opens a scanner over the preview
        expect(desk.get_by_role("button", name=re.compile("确认交车"))).to_be_visible()
        assert desk.locator("iframe[data-wechat-sandbox=dialog]").count() == 0


def test_a_tap_on_pay_before_any_script_is_there_opens_the_cashier(house, shopper):
    shopper.book(DEAL)
    with held(shopper.page, OUR_SCRIPTS) as release:
        shopper.page.reload(wait_until="commit")
        shopper.page.get_by_role("button", name=re.compile("^微信支付")).click()
        release()
        cashier = shopper.page.frame_locator("iframe[data-wechat-sandbox=dialog]")
        cashier.get_by_role("button", name="支付", exact=True).click()
    shopper.see("已付订金")
