"""A test drive on two phones: booked at home, checked in at the desk, signed by hand, driven, answered, thanked."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.browser.conftest import House
from tests.browser.people import Clerk, Shopper

STORE = "yx-330106-01"


def sign_by_hand(page: Page) -> None:
    pad = page.locator("canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + 30, box["y"] + 40)
    page.mouse.down()
    for n in range(20):
        page.mouse.move(box["x"] + 30 + n * 9, box["y"] + 40 + n % 5 * 8)
    page.mouse.up()


def test_from_the_store_page_to_the_thanks(house: House, phone: Callable[..., Page]) -> None:
    page, desk = phone(), phone()
    shopper, clerk = Shopper(page, house), Clerk(desk, house)
    page.goto(f"{house.url}/dealers/{STORE}/demo-cars")
    page.locator("a.cell").first.click()
    shopper.consent()
    page.get_by_role("link", name=re.compile("^明天")).click()
    expect(page.locator("#at [aria-current]")).to_contain_text("明天")
    page.locator("#at .chip:has(input:not([disabled]))").first.click()
    page.get_by_role("textbox", name="姓名").fill("周示例")
    page.get_by_role("textbox", name="手机号").fill(shopper.phone)
    page.get_by_role("button", name=re.compile("验证码")).click()
    expect(page.get_by_text(re.compile("秒后可重发"))).to_be_visible()
    page.locator("[name=code]").fill(shopper.read_code())
    page.locator("[name=share]").check()
    page.get_by_role("button", name="提交预约").click()
    page.wait_for_url(re.compile("/me/test-drives/T"))
    no, now = page.url.rsplit("/", 1)[1], datetime.now(UTC)
    times = [f"{moment:%Y-%m-%d %H:%M:%S}.000000" for moment in (now, now + timedelta(minutes=45))]
    house.sql("UPDATE test_drives SET starts_at = ?, ends_at = ? WHERE no = ?", *times, no)
    clerk.join()
    desk.goto(f"{house.url}/staff/test-drives/{no}")
    desk.get_by_role("button", name=re.compile("签到")).click()
    page.reload()
    page.get_by_role("link", name="阅读并签试驾协议").click()
    page.get_by_role("checkbox", name=re.compile("我已阅读")).check()
    sign_by_hand(page)
    page.get_by_role("button", name="签署").click()
    desk.get_by_role("button", name=re.compile("已看驾驶证")).click()
    desk.get_by_role("button", name="开始试驾").click()
    shopper.see("请系好安全带")  # the own phone follows the desk by itself
    desk.get_by_role("button", name=re.compile("已还车")).click()
    expect(page.get_by_role("button", name="提交三个回答")).to_be_visible()
    for name, value in (("car_stars", "5"), ("dealer_stars", "4"), ("plan", "order")):
        page.locator(f"[name={name}][value='{value}']").check()
    page.get_by_role("button", name="提交三个回答").click()
    shopper.see("谢谢您的回答")
    shopper.see("试驾谢礼，已放进卡券")
