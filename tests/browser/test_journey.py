"""The main job, end to end, in a phone-sized Chromium: a stranger books a car and a clerk hands it over."""

import re
import signal

import pytest
from playwright.sync_api import expect

from app.core import clock
from app.core.security import living_code
from tests.browser.people import DEAL, Clerk, Shopper, times_redeemed

pytestmark = pytest.mark.browser


@pytest.fixture
def shopper(house, phone) -> Shopper:
    return Shopper(phone(), house)


def test_a_stranger_books_a_car_and_a_clerk_hands_it_over(house, phone, shopper):
    page = shopper.page
    page.goto(house.url + "/")
    page.get_by_role("link", name="看这台车").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("岫 S5")
    page.get_by_role("region", name="操作").get_by_role("link", name=re.compile("订$")).click()
    page.wait_for_url(f"**/deals/{DEAL}")
    page.get_by_role("link", name=re.compile("^立即预订")).click()
    shopper.consent()
    shopper.fill_form()
    shopper.submit()
    shopper.pay()
    shopper.see("已付订金")
    shopper.open_booking()
    expect(page.locator("#code")).to_be_visible()

    clerk = Clerk(phone(), house)
    clerk.join()
    clerk.look_up(shopper.code(), shopper.phone[-4:])
    expect(clerk.page.get_by_role("heading", level=1)).to_contain_text("周*")
    expect(clerk.page.get_by_text("¥172,800")).to_be_visible()
    clerk.page.get_by_role("textbox", name="余款单据号").fill("SJ-2026-0001")
    clerk.page.get_by_role("button", name="收齐余款，确认交车").click()
    expect(clerk.page.get_by_text("核销成功").first).to_be_visible()
    shopper.see("已交车")  # without a reload

    clerk.look_up(shopper.booking, shopper.phone[-4:])
    expect(clerk.page.get_by_text("已使用").first).to_be_visible()
    expect(clerk.page.get_by_text("刚由您办理成功")).to_be_visible()
    colleague = Clerk(phone(), house)
    colleague.join()
    colleague.look_up(shopper.booking, shopper.phone[-4:])
    expect(colleague.page.get_by_text(re.compile("西湖文三路店由丙")).first).to_be_visible()


def test_refusing_the_login_comes_back_and_changes_nothing(house, shopper):
    page = shopper.page
    page.goto(f"{house.url}/deals/{DEAL}")
    page.get_by_role("link", name=re.compile("^立即预订")).click()
    shopper.consent("拒绝")
    expect(page.get_by_role("heading", level=1)).to_contain_text("取消")
    page.get_by_role("link", name=re.compile("再试|重新")).click()
    shopper.consent()
    expect(page.get_by_role("heading", name="填写预订")).to_be_visible()


def test_cancel_in_the_cashier_then_pay_again(house, shopper):
    shopper.book("yx-deal-h3-lux")
    shopper.pay("取消")
    shopper.see("已取消，可重新支付")
    shopper.pay()
    shopper.see("已付订金")
    orders = [o for o in house.sim("GET", "/sim/orders")["orders"] if o["state"] == "SUCCESS"]
    assert len({o["out_trade_no"] for o in orders}) == len(orders)


def test_the_browser_says_ok_and_nothing_was_paid(house, shopper):
    shopper.book("yx-deal-l6-last")
    shopper.pay("没付款却返回成功")
    shopper.see("支付确认中")
    shopper.open_booking()
    expect(shopper.page.get_by_text("待支付").first).to_be_visible()
    shopper.page.get_by_text("取消预订").click()
    shopper.page.get_by_role("button", name=re.compile("^确认取消")).click()
    shopper.see("已取消")


def test_paid_without_a_notice_is_found_by_asking(house, shopper):
    shopper.book("yx-deal-h3-lux")
    shopper.pay("已付款但不通知")
    shopper.see("已付订金")


def test_paid_booking_is_cancelled_and_the_money_comes_back(house, shopper):
    shopper.book("yx-deal-r-intent")
    shopper.pay("先通知后返回")
    shopper.see("已付意向金")
    shopper.open_booking()
    shopper.page.get_by_text("取消预订").click()
    shopper.page.get_by_role("button", name=re.compile("^确认取消")).click()
    shopper.see("退款中")
    shopper.see("已退款")


def test_wechat_pay_down_keeps_the_hold_and_says_so(house, shopper):
    house.sim("POST", "/sim/down", {"on": True, "parts": ["pay"]})
    try:
        shopper.book("yx-deal-s5-605")
        shopper.page.get_by_role("button", name=re.compile("^去支付")).click()
        shopper.see("支付暂时不可用")
    finally:
        house.sim("POST", "/sim/down", {"on": False})
    shopper.page.goto(f"{house.url}/bookings/{shopper.booking}/payment")
    shopper.pay()
    shopper.see("已付订金")


def test_a_shop_killed_between_paying_and_confirming_finishes_by_asking(house, shopper):
    shopper.book("yx-deal-s5-605")
    number = house.sim("GET", "/sim/orders")["orders"][0]["out_trade_no"]
    house.stop("shop", signal.SIGKILL)
    house.sim("POST", f"/sim/orders/{number}/pay", {"notify": "none"})
    house.start("shop")
    house.wait(house.url + "/readyz")
    shopper.open_booking()
    shopper.see("已付订金")


def test_a_hold_that_ends_frees_the_car_and_late_money_goes_back(house, shopper):
    shopper.book("yx-deal-s5-605")
    cashier = shopper.open_cashier()
    expect(cashier.get_by_role("button", name="支付", exact=True)).to_be_visible()
    number = house.sim("GET", "/sim/orders")["orders"][0]["out_trade_no"]
    house.sql("UPDATE bookings SET hold_until = datetime('now', '-1 minute') WHERE no = ?", shopper.booking)
    shopper.open_booking()
    shopper.see("已取消")
    deal = "UPDATE one_price_deals SET withdrawn = ? WHERE slug = 'yx-deal-s5-605'"
    house.sql(deal, "1")  # while it runs and has units, late money finds its car again
    house.sim("POST", f"/sim/orders/{number}/pay", {"force": True})
    shopper.see("付款在保留结束后到账")
    shopper.see("已原路退回")
    house.sql(deal, "0")


def test_late_money_finds_a_car_that_is_left(house, shopper):
    shopper.book("yx-deal-s5-605")
    shopper.open_cashier()
    number = house.sim("GET", "/sim/orders")["orders"][0]["out_trade_no"]
    house.sql("UPDATE bookings SET hold_until = datetime('now', '-1 minute') WHERE no = ?", shopper.booking)
    shopper.open_booking()
    shopper.see("已取消")
    house.sim("POST", f"/sim/orders/{number}/pay", {"force": True})
    shopper.see("已为您保住名额")


def test_another_persons_booking_does_not_exist(house, phone, shopper):
    shopper.book("yx-deal-h3-lux")
    other = Shopper(phone(), house)
    other.open_form("yx-deal-h3-lux")
    answer = other.page.goto(f"{house.url}/bookings/{shopper.booking}")
    assert answer is not None
    assert answer.status == 404


def test_a_clerk_of_another_store_is_told_which_store(house, phone, shopper):
    shopper.book("yx-deal-s5-605")
    shopper.pay()
    shopper.see("已付订金")
    shopper.open_booking()
    clerk = Clerk(phone(), house)
    clerk.join("yx-310107-01")
    clerk.look_up(shopper.code(), shopper.phone[-4:])
    expect(clerk.page.get_by_text(re.compile("西湖文三路店")).first).to_be_visible()
    expect(clerk.page.get_by_role("button", name=re.compile("确认交车"))).to_have_count(0)


def test_a_clerk_scans_in_wechat_and_the_owner_scanning_changes_nothing(house, phone, shopper):
    shopper.book(DEAL)
    shopper.pay()
    shopper.see("已付订金")
    clerk = Clerk(phone(), house)
    clerk.join()
    code = living_code(house.environment["SECRET_KEY"], "B", shopper.booking, clock.now())
    shopper.page.goto(f"{house.url}/r/{code.token}")
    expect(shopper.page.get_by_text("请向店员出示").first).to_be_visible()
    clerk.page.goto(f"{house.url}/staff/scan")
    clerk.page.get_by_role("button", name="扫一扫").click()
    scanner = clerk.page.frame_locator("iframe[data-wechat-sandbox=dialog]")
    scanner.get_by_role("textbox").fill(f"{house.url}/r/{code.token}")
    scanner.get_by_role("button").first.click()
    expect(clerk.page.get_by_role("button", name=re.compile("确认交车"))).to_be_visible()


def test_a_coupon_by_passphrase_is_shown_redeemed_and_turns_by_itself(house, phone, shopper):
    """Claimed at home, shown in the store, redeemed by a clerk on their own phone."""
    page = shopper.page
    page.goto(house.url + "/coupons/claims/new")
    shopper.consent()
    page.get_by_role("textbox", name="口令").fill("山色 入座")
    page.get_by_role("button", name="领取").click()
    page.wait_for_url(re.compile(r"/me/coupons/\w+$"))
    expect(page.get_by_role("heading", name="向店员出示此码")).to_be_visible()
    number = page.url.rpartition("/")[2]

    clerk = Clerk(phone(), house)
    clerk.join()
    code = living_code(house.environment["SECRET_KEY"], "C", number, clock.now())
    clerk.page.goto(f"{house.url}/r/{code.token}")
    expect(clerk.page.get_by_text("山行口令礼").first).to_be_visible()
    bill = clerk.page.get_by_role("textbox", name=re.compile("消费金额|金额"))
    if bill.count():
        bill.fill("172800")
    clerk.page.get_by_role("button", name=re.compile("^确认核销")).click()
    expect(clerk.page.get_by_text("核销成功").first).to_be_visible()
    expect(page.get_by_role("heading", name="已核销")).to_be_visible()  # without a reload
    expect(page.get_by_text(re.compile("西湖文三路店")).first).to_be_visible()
    clerk.page.get_by_role("button", name=re.compile("^撤销")).click()
    expect(clerk.page.get_by_text("已撤销").first).to_be_visible()
    back = page.get_by_role("heading", name="向店员出示此码")
    expect(back).to_be_visible(timeout=20_000)  # asks every ten seconds


def test_a_lost_answer_is_told_until_the_retry_shows_the_one_redemption(house, phone, shopper):
    """The network goes between confirmation and answer, and is back while the sum is worked out beside it."""
    page = shopper.page
    page.goto(house.url + "/coupons/claims/new")
    shopper.consent()
    page.get_by_role("textbox", name="口令").fill("山色 入座")
    page.get_by_role("button", name="领取").click()
    page.wait_for_url(re.compile(r"/me/coupons/\w+$"))
    number = page.url.rpartition("/")[2]
    clerk = Clerk(phone(), house)
    clerk.join()
    desk = clerk.page
    desk.goto(f"{house.url}/r/{living_code(house.environment['SECRET_KEY'], 'C', number, clock.now()).token}")
    bill = desk.get_by_role("textbox", name=re.compile("消费金额"))
    confirm = desk.get_by_role("button", name=re.compile("^确认核销"))
    lost = desk.get_by_text("没有收到结果，可能已经核销成功")
    bill.fill("172800")
    expect(desk.locator("#worth")).to_contain_text("客户付")

    def cut(route):
        route.fetch()  # it arrived and was done
        route.abort()

    desk.route("**/staff/redemptions", cut)
    confirm.click()
    expect(lost).to_be_visible()
    bill.fill("172801")
    expect(desk.locator("#worth")).to_contain_text("172,001")
    expect(lost).to_be_visible()
    bill.fill("172800")
    expect(desk.locator("#worth")).to_contain_text("172,000")
    desk.unroute("**/staff/redemptions")
    confirm.click()
    expect(desk.get_by_role("heading", name="核销成功")).to_be_visible()
    expect(lost).to_have_count(0)
    assert times_redeemed(house, number) == 1


def test_booking_works_without_javascript(house, phone):
    shopper = Shopper(phone(java_script_enabled=False), house)
    page = shopper.page
    shopper.open_form("yx-deal-h3-lux")
    page.get_by_role("link", name=re.compile("^杭州市")).click()
    if page.get_by_text("此号码已验证").count() == 0:
        page.get_by_role("textbox", name="手机号").fill(shopper.phone)
        page.get_by_role("button", name=re.compile("验证码")).click()
        page.locator("[name=code]").fill(shopper.read_code())
        page.get_by_role("button", name=re.compile("确认|验证|提交")).last.click()
        page.goto(f"{house.url}/deals/yx-deal-h3-lux/bookings/new?city=杭州市")
    page.get_by_role("radio", name=re.compile("西湖文三路店")).check()
    page.get_by_role("textbox", name="姓名").fill("周示例")
    page.get_by_role("checkbox", name=re.compile("我已阅读")).check()
    page.get_by_role("checkbox", name=re.compile("提供给")).check()
    shopper.submit(scripts=False)
