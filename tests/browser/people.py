"""What people do with their phones, step by step, as a test tells it."""

import itertools
import re
from dataclasses import dataclass

from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.conftest import House

DEAL = "yx-deal-s5-605"
_phones = itertools.count(13900010000)


@dataclass
class Shopper:
    """A person with a phone inside WeChat."""

    page: Page
    house: House
    person: str = ""
    phone: str = ""
    booking: str = ""

    def __post_init__(self) -> None:
        self.phone = self.phone or str(next(_phones))
        if not self.person:  # everybody is somebody else, so that limits for each person do not meet
            self.person = f"示例{self.phone[-5:]}"
            self.house.sim("POST", "/sim/people", {"nickname": self.person})

    def consent(self, answer: str = "允许") -> None:
        """Choose who to be at the sandbox, and allow or refuse; back at the shop, whose page has loaded."""
        self.page.get_by_label(re.compile(self.person)).check()
        self.page.get_by_role("button", name=answer, exact=True).click()
        # What does not wait by itself (evaluate_all) would still see the sandbox's page.
        self.page.wait_for_url(lambda url: "/connect/oauth2/" not in url)

    def open_form(self, deal: str = DEAL) -> None:
        """From the deal to the booking form, through the login if that is asked for."""
        self.page.goto(f"{self.house.url}/deals/{deal}")
        self.page.get_by_role("link", name=re.compile("^立即预订")).click()
        if "/connect/oauth2/authorize" in self.page.url:
            self.consent()
        expect(self.page.get_by_role("heading", name="填写预订")).to_be_visible()

    def fill_form(self, city: str = "杭州市") -> None:
        """Store, name, phone with its code, terms and the consent to pass them on."""
        page = self.page
        expect(page.get_by_role("heading", name="填写预订")).to_be_visible()
        chip = page.get_by_role("link", name=re.compile(f"^{city}"))
        if chip.count():  # a deal of one city has no choice of cities
            chip.click()
        page.get_by_role("radio", name=re.compile("西湖文三路店")).check()
        page.get_by_role("textbox", name="姓名").fill("周示例")
        if page.get_by_text("此号码已验证").count() == 0:
            page.get_by_role("textbox", name="手机号").fill(self.phone)
            page.get_by_role("button", name=re.compile("验证码")).click()
            expect(page.get_by_text(re.compile("秒后可重发"))).to_be_visible()
            page.locator("[name=code]").fill(self.read_code())
        page.get_by_role("checkbox", name=re.compile("我已阅读")).check()
        page.get_by_role("checkbox", name=re.compile("提供给")).check()

    def read_code(self) -> str:
        """The verification code of the latest text message."""
        for _ in range(60):
            found = self.house.sim("GET", f"/sim/sms?phone={self.phone}")["messages"]
            if found:
                return str(found[0]["code"])
            self.page.wait_for_timeout(250)
        raise AssertionError("no text message came")

    def submit(self, *, scripts: bool = True) -> None:
        """Hold the car; ends at the cashier's page, which has opened by itself or said why not."""
        self.page.get_by_role("button", name=re.compile("^提交并支付")).click()
        expect(self.page.get_by_role("heading", name=re.compile("^支付"))).to_be_visible()
        if scripts:
            done = self.page.locator(":root:not(:has([data-opening])), #banner .banner")
            expect(done.first).to_be_attached()
        self.booking = self.page.url.split("/bookings/")[1].split("/")[0]

    def book(self, deal: str = DEAL) -> None:
        """Everything up to the cashier's page."""
        self.open_form(deal)
        self.fill_form()
        self.submit()

    def open_cashier(self) -> FrameLocator:
        """Tap pay; the cashier that WeChat draws."""
        prepare = self.page.get_by_role("button", name=re.compile("^去支付"))
        if prepare.count():
            prepare.click()
        self.page.get_by_role("button", name=re.compile("^微信支付")).click()
        return self.page.frame_locator("iframe[data-wechat-sandbox=dialog]")

    def pay(self, way: str = "支付") -> None:
        """One of the cashier's buttons."""
        cashier = self.open_cashier()
        detail = cashier.get_by_text("高级")
        button = cashier.get_by_role("button", name=way, exact=True)
        if not button.is_visible() and detail.count():
            detail.first.click()
        button.click()

    def see(self, words: str) -> None:
        """The page comes to say this by itself."""
        expect(self.page.get_by_text(words, exact=False).first).to_be_visible(timeout=30_000)

    def open_booking(self) -> None:
        self.page.goto(f"{self.house.url}/bookings/{self.booking}")

    def code(self) -> str:
        """The six digits on the pick-up code."""
        text = self.page.locator("#code").inner_text()
        found = re.search(r"(\d{3})\s*(\d{3})", text)
        assert found, text
        return found[1] + found[2]


def times_redeemed(house: House, coupon: str) -> int:
    """How often the books say that this coupon was used."""
    asked = (
        "SELECT count(*) FROM redemptions r JOIN coupons c ON r.subject_id = c.id "
        "WHERE r.subject_kind = 'coupon' AND c.code = ? AND r.undone_at IS NULL"
    )
    return int(house.read(asked, coupon)[0][0])


@dataclass
class Clerk:
    """Somebody behind the counter with a phone of their own."""

    page: Page
    house: House
    person: str = ""

    def __post_init__(self) -> None:
        self.person = f"示例店员{next(_phones)}"
        self.house.sim("POST", "/sim/people", {"nickname": self.person})

    def join(self, dealer: str = "yx-330106-01", role: str = "clerk") -> None:
        """Open the invitation link, log in, accept."""
        self.page.goto(self.house.invite(dealer, "丙示例", role))
        if "/connect/oauth2/authorize" in self.page.url:
            self.page.get_by_label(re.compile(self.person)).check()
            self.page.get_by_role("button", name="允许", exact=True).click()
        self.page.get_by_role("button", name=re.compile("接受|加入")).click()
        expect(self.page.get_by_role("link", name="扫码核销")).to_be_visible()

    def look_up(self, code: str, tail: str) -> None:
        """Type the digits and the last four of the phone."""
        self.page.goto(f"{self.house.url}/staff/scan")
        self.page.locator("[name=code]").fill(code)
        self.page.locator("[name=tail]").fill(tail)
        self.page.get_by_role("button", name="核对").click()
