"""What a phone does besides showing pages: it sounds, shakes, stays awake, is shaken, is scanned and scans."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.core import clock
from app.core.db import db, transaction
from app.core.security import living_code
from app.coupons.models import CouponCampaign
from app.dealers.models import Dealer
from tests.browser.axe import until
from tests.browser.people import Clerk, Shopper, times_redeemed
from tests.browser.test_pages import THERE, problems

pytestmark = pytest.mark.browser
STORE = "yx-330106-01"
# What the page asks of the phone is written down; a headless browser has neither a motor nor a screen to keep on.
SPY = """
window.asked = [];
Object.defineProperty(navigator, "vibrate", {value: how => (asked.push(["shakes", [].concat(how)]), true)});
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (at) {
  asked.push(["sounds", this.frequency.value]);
  return start.call(this, at);
};
class Lock extends EventTarget { release() { asked.push(["may sleep"]); this.dispatchEvent(new Event("release")); } }
const keepAwake = async what => (asked.push(["stays awake", what]), new Lock());
Object.defineProperty(navigator, "wakeLock", {value: {request: keepAwake}});
DeviceMotionEvent.requestPermission = async () => "granted";
"""
SHAKEN = """force => dispatchEvent(new DeviceMotionEvent("devicemotion",
  {acceleration: {x: force, y: 0, z: 0}, accelerationIncludingGravity: {x: force, y: 0, z: 9.8}, interval: 16}))"""


def campaign(house, slug: str, **given) -> None:
    now = clock.now()
    values = {
        "title": f"到店礼 {slug}",
        "kind": "代金券",
        "face_fen": 30_000,
        "total": 9,
        "way": "直接领取",
        "all_dealers": True,
        "claim_from": now - timedelta(days=1),
        "claim_until": now + timedelta(days=5),
        "valid_until": now + timedelta(days=30),
        "published_at": now - timedelta(hours=1),
    }
    with house.inside(), transaction():
        db.session.add(CouponCampaign(slug=slug, **(values | given)))


def asked(page: Page) -> list[list[object]]:
    """What was asked of the phone since it was looked at last."""
    until(page, THERE)
    return page.evaluate("window.asked.splice(0)")


def scan_by_hand(page: Page, text: str) -> None:
    """A scanner on a cable types very fast and ends with Enter, whatever has the focus."""
    until(page, THERE)
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_the_counter_is_heard_and_felt_and_a_scanner_on_a_cable_scans_at_every_step(house, phone):
    campaign(house, "senses-counter")
    page, desk = phone(), phone()
    page.add_init_script(SPY)
    desk.add_init_script(SPY)
    shopper, clerk = Shopper(page, house), Clerk(desk, house)
    page.goto(f"{house.url}/coupons/senses-counter")
    page.get_by_role("link", name=re.compile("^领取 到店礼")).click()
    shopper.consent()  # the tap goes on by itself
    page.locator("main a[href^='/me/coupons/']").first.click()
    expect(page.get_by_role("heading", name="向店员出示此码")).to_be_visible()
    assert ["stays awake", "screen"] in asked(page)
    number = page.url.rpartition("/")[2]

    def code() -> str:
        return f"{house.url}/r/{living_code(house.environment['SECRET_KEY'], 'C', number, clock.now()).token}"

    clerk.join()
    desk.get_by_role("link", name="扫码核销").click()
    expect(desk.get_by_role("heading", name="扫码核销")).to_be_visible()
    scan_by_hand(desk, code())
    confirm = desk.get_by_role("button", name=re.compile("^确认核销"))
    expect(confirm).to_be_focused()
    scan_by_hand(desk, code())  # the focused button is not pressed: the next step is a preview again
    expect(confirm).to_be_visible()
    assert times_redeemed(house, number) == 0
    desk.keyboard.press("Escape")  # back, nothing redeemed
    expect(desk.get_by_role("heading", name="扫码核销")).to_be_visible()
    scan_by_hand(desk, code())
    confirm.click()
    expect(desk.get_by_role("heading", name="核销成功")).to_be_visible()
    assert asked(desk) == [["shakes", [60]], ["sounds", 880]]
    expect(page.get_by_role("heading", name="已核销")).to_be_visible()
    assert times_redeemed(house, number) == 1
    assert ["may sleep"] in asked(page)

    scan_by_hand(desk, code())
    expect(desk.get_by_role("heading", name="已使用")).to_be_visible()
    assert asked(desk) == [["shakes", [60, 60, 60]], ["sounds", 440], ["sounds", 440]]
    scan_by_hand(desk, "https://weixin.qq.com/g/sample")
    expect(desk.get_by_role("heading", name="无效")).to_be_visible()
    assert asked(desk) == [["shakes", [200]], ["sounds", 220]]
    assert not problems(desk)


def open_shake(house, page: Page, slug: str) -> None:
    shopper = Shopper(page, house)
    page.goto(f"{house.url}/coupons/{slug}/shakes/new")
    page.get_by_role("link", name="登录后摇一摇").click()
    shopper.consent()
    expect(page.get_by_role("button", name="摇一下")).to_be_visible()


def test_a_shaken_phone_presses_the_button_after_a_tap_alone(house, phone):
    campaign(house, "senses-shake", way="摇一摇", shake_permille=1000, per_person=2)
    page = phone()
    page.add_init_script(SPY)
    open_shake(house, page, "senses-shake")
    page.evaluate(SHAKEN, 30)  # nobody has allowed it yet
    page.get_by_role("button", name="开启摇动手机").click()
    expect(page.get_by_text("摇一摇手机，或点“摇一下”")).to_be_visible()
    page.evaluate(SHAKEN, 6)  # carried about in a bag
    assert asked(page) == []
    page.evaluate(SHAKEN, 30)
    expect(page.get_by_role("heading", name="摇中了")).to_be_visible()
    assert asked(page) == [["shakes", [60]]]
    assert not problems(page)


def test_a_phone_that_may_not_feel_motion_has_the_button(house, phone):
    campaign(house, "senses-button", way="摇一摇", shake_permille=1000)
    page = phone()
    page.add_init_script("DeviceMotionEvent.requestPermission = async () => 'denied'")
    open_shake(house, page, "senses-button")
    page.get_by_role("button", name="开启摇动手机").click()
    expect(page.get_by_text("没有开启也可以：点“摇一下”，概率一样")).to_be_visible()
    page.get_by_role("button", name="摇一下").click()
    expect(page.get_by_role("heading", name="摇中了")).to_be_visible()


def test_a_place_is_given_once_and_judged_by_the_server(house, phone):
    campaign(house, "senses-near", way="摇一摇", shake_permille=1000, near_m=500)
    with house.inside():
        here = db.session.execute(select(Dealer.lat, Dealer.lng).where(Dealer.slug == STORE)).one()
    page = phone()
    open_shake(house, page, "senses-near")
    note, told = page.locator("[data-shake-place-note]"), page.locator("#shake [role=alert]")
    wechat = page.frame_locator("iframe[data-wechat-sandbox=dialog]")
    shake, near = page.get_by_role("button", name="摇一下"), page.get_by_role("button", name="确认我在门店附近")
    shake.click()
    expect(told).to_contain_text("请先点“确认我在门店附近”")
    near.click()
    wechat.get_by_role("button", name="拒绝").click()
    expect(note).to_have_text("没有定位也可以：扫店内的领券码进入，就能摇")
    near.click()
    wechat.get_by_role("button", name=re.compile("北京")).click()
    expect(note).to_have_text("位置已确认，只用于这一次，不保存")
    shake.click()
    expect(told).to_contain_text("米")
    expect(told).not_to_contain_text("请先点")
    near.click()
    wechat.get_by_role("textbox").fill(f"{here.lat},{here.lng}")
    wechat.get_by_role("button", name="用这个点").click()
    expect(note).to_have_text("位置已确认，只用于这一次，不保存")
    shake.click()
    expect(page.get_by_role("heading", name="摇中了")).to_be_visible()
    assert not problems(page)
