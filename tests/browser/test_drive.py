"""A test drive on two phones: booked at home, checked in at the desk, signed by hand, driven, answered, thanked."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import House
from tests.browser.people import Clerk, Shopper
from tests.browser.test_pages import problems

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


def test_no_time_is_chosen_while_other_times_are_on_their_way(house: House, phone: Callable[..., Page]) -> None:
    page, held = phone(), list[Route]()
    shopper = Shopper(page, house)
    page.goto(f"{house.url}/dealers/{STORE}/demo-cars")
    page.locator("a.cell").first.click()
    shopper.consent()
    page.route(re.compile(r"[?&]on="), lambda route: held.append(route))
    other = page.locator("#at > nav a:not([aria-current])").last
    day = other.inner_text()
    other.click()
    free = page.locator("#at [name=at]:not([disabled])").first
    expect(free).to_be_disabled()  # it would go with the day it belongs to
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    expect(page.locator("#at [aria-current]")).to_contain_text(day)
    page.locator("#at .chip:has(input:not([disabled]))").first.click()
    expect(page.locator("#at :checked")).to_have_count(1)


def test_a_number_is_shown_to_one_store_and_taken_back(house: House, phone: Callable[..., Page]) -> None:
    page, desk = phone(), phone()
    clerk = Clerk(desk, house)
    clerk.join(STORE)
    shopper = Shopper(page, house)
    page.goto(f"{house.url}/enquiries/new?trim=yx-s5-26-520&city=杭州市")
    shopper.consent()
    page.locator("details:has([name=dealers])").evaluate_all("all => all.forEach(one => one.open = true)")
    page.locator("[name=dealers]").evaluate_all("all => all.forEach(one => one.checked = false)")
    page.get_by_role("checkbox", name=re.compile("西湖文三路店")).check()
    page.locator("[name=dealers]:not(:checked)").first.check()
    found = problems(page)
    page.get_by_role("button", name="发出询价").click()
    page.wait_for_url(re.compile("/me/enquiries/Q"))
    here = page.url
    desk.goto(f"{house.url}/staff/leads")
    desk.locator("a[href*='/staff/leads/L']").first.click()
    desk.get_by_label("价格（元）").fill("150000")
    desk.get_by_label("有效期至").fill(f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%d}")
    desk.get_by_role("button", name="发出报价").click()
    expect(desk.get_by_text("重新报价")).to_be_visible()
    found += problems(desk)
    page.reload()
    shopper.see("150,000")
    found += problems(page)
    proved = "UPDATE members SET phone = ?, phone_verified_at = ? WHERE id = (SELECT max(member_id) FROM enquiries)"
    house.sql(proved, shopper.phone, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}.000000")
    page.goto(f"{here}/stores/{STORE}")
    page.get_by_role("textbox", name="怎么称呼您").fill("周示例")
    page.get_by_role("button", name=re.compile("^同意，让这家门店看到")).click()
    shopper.see("这家门店可以看到您的号码")
    desk.reload()
    desk.get_by_role("button", name=re.compile("^查看号码")).click()
    expect(desk.get_by_role("link", name=re.compile(shopper.phone))).to_be_visible()
    page.get_by_role("button", name="收回号码").click()
    shopper.see("这家门店看不到您的号码")
    desk.goto(desk.url.removesuffix("/contact"))
    expect(desk.get_by_text("客户没有提供号码")).to_be_visible()
    assert shopper.phone not in desk.content()
    assert not found


def test_six_screens_to_the_range_without_login(house: House, phone: Callable[..., Page]) -> None:
    page = phone()
    page.goto(f"{house.url}/trade-in")
    for chosen in ("其他品牌", "紧凑型 SUV", "2020 款"):
        page.get_by_role("radio", name=chosen).check()
        page.get_by_role("button", name="下一步").click()
        expect(page.get_by_role("radio", name=chosen)).to_have_count(0)
    page.get_by_label("上牌年月").fill("2020-08")
    page.get_by_label("上牌城市").fill("杭州市")
    page.get_by_role("button", name="下一步").click()
    page.get_by_label(re.compile("^表显里程")).fill("6.8")
    page.get_by_role("button", name="下一步").click()
    for name, value in (("condition", "fair"), ("transfers", "1")):
        page.locator(f"[name={name}][value='{value}']").check()
        page.get_by_role("button", name="下一步").click()
    expect(page.locator("p[role=status]")).to_have_text("第 6 步，共 6 步")
    page.get_by_role("button", name="跳过，直接看估价").click()
    expect(page.get_by_role("region", name="估价区间")).to_contain_text("乐观")
    assert not problems(page)
